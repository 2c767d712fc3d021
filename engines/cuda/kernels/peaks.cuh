// Shared by the decoders: the maximum over a block, and input pixels to frame pixels.
#pragma once

#include "rows.cuh"

enum { THREADS = 128 };  // per block

struct Peak {
    float value;
    int at;
};

// Whether `a` beats `b`: the larger value, then the lower index. NaN beats all, so that it shows in the score.
__device__ inline bool beats(const Peak& a, const Peak& b) {
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    if (a_nan || b_nan) return a_nan && (!b_nan || a.at < b.at);
    return a.value > b.value || (a.value == b.value && a.at < b.at);
}

// The first maximum of `count` values; called by all threads of the block, returned to all.
__device__ inline Peak highest(const float* values, int count, Peak* shared) {
    Peak best = {values[0], 0};  // for threads beyond `count` too
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
    __syncthreads();  // before `shared` is used again
    return found;
}

// Writes a joint found at (x, y) in input pixels: x, y in frame pixels, and the score.
__device__ inline void put_joint(
    float* keypoints, const Crop& crop, int person, int joint, int joints, const int* mirror, double x, double y,
    double score) {
    const int side = crop.mirrored ? mirror[joint] : joint;
    float* out = keypoints + ((long long)person * joints + side) * 3;
    out[0] = (float)(crop.input_to_frame[0] * x + crop.input_to_frame[1] * y + crop.input_to_frame[2]);
    out[1] = (float)(crop.input_to_frame[3] * x + crop.input_to_frame[4] * y + crop.input_to_frame[5]);
    out[2] = (float)score;
}
