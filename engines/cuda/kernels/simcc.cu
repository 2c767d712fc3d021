// Decodes SimCC's logits to keypoints in frame pixels, as engines/codecs/simcc.py. One block per joint.

#include "peaks.cuh"

extern "C" __global__ void simcc_peaks(
    const float* x, const float* y, const Crop* crops, const SimccOptions* options, float* keypoints) {
    __shared__ Peak shared[THREADS];
    const int joint = blockIdx.x, person = blockIdx.y, joints = options->joints;
    if (!crops[person].shown) return;
    const long long row = (long long)person * joints + joint;
    const Peak along_x = highest(x + row * options->bins_x, options->bins_x, shared);
    const Peak along_y = highest(y + row * options->bins_y, options->bins_y, shared);
    if (threadIdx.x != 0) return;
    const float mean = (along_x.value + along_y.value) / 2.0F;  // NaN where either is
    const float smaller = mean != mean ? mean : fminf(along_x.value, along_y.value);
    const float score = options->mean ? mean : smaller;
    put_joint(keypoints, crops[person], person, joint, joints, options->mirror,
              along_x.at * ((double)options->input_width / options->bins_x),
              along_y.at * ((double)options->input_height / options->bins_y), score <= 0.0F ? 0.0F : score);
}
