// What both kinds of decoders do: the largest of many values, and a place of the input in the frame.
#pragma once

#include "rows.cuh"

enum { THREADS = 128 };  // of a block that looks for a peak

struct Peak {
    float value;
    int at;
};

// Whether `a` is taken before `b`. What is no number comes first, so that nobody takes its place for a joint's.
__device__ inline bool beats(const Peak& a, const Peak& b) {
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    if (a_nan || b_nan) return a_nan && (!b_nan || a.at < b.at);
    return a.value > b.value || (a.value == b.value && a.at < b.at);
}

// The largest of `count` values, the first of equal ones; all threads of the block call it, and all get it.
__device__ inline Peak highest(const float* values, int count, Peak* shared) {
    Peak best = {values[0], 0};  // also where a thread has no value of its own
    for (int i = threadIdx.x; i < count; i += THREADS) {
        const Peak own = {values[i], i};
        if (beats(own, best)) best = own;
    }
    shared[threadIdx.x] = best;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half) {
            const Peak other = shared[threadIdx.x + half];
            Peak& own = shared[threadIdx.x];
            if (beats(other, own)) own = other;
        }
        __syncthreads();
    }
    const Peak found = shared[0];
    __syncthreads();  // the memory may be used for another search
    return found;
}

// Writes joint `joint` of person `person`, seen at a place in pixels of the input: x, y in frame pixels, and the score.
__device__ inline void put_joint(
    float* keypoints, const Crop& crop, int person, int joint, int joints, const int* mirror, double x, double y,
    double score) {
    const int whose = crop.mirrored ? mirror[joint] : joint;
    float* out = keypoints + ((long long)person * joints + whose) * 3;
    out[0] = (float)(crop.place[0] * x + crop.place[1] * y + crop.place[2]);
    out[1] = (float)(crop.place[3] * x + crop.place[4] * y + crop.place[5]);
    out[2] = (float)score;
}
