// The project's CUDA kernels, compiled as C++: one CPU thread runs all threads of a block.
//
// Where a kernel calls __syncthreads(), its threads are fibers, which switch at each call.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __noinline__ __attribute__((noinline))

struct Index {
    unsigned x, y, z;
};
static Index threadIdx, blockIdx, blockDim;
static void __syncthreads();
using std::max;
using std::min;

#include "all.cu"

namespace {

constexpr size_t STACK_BYTES = 64 * 1024;

struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(STACK_BYTES);
    bool done = false;
};

std::vector<Fiber> fibers;
ucontext_t scheduler;
size_t running;
std::function<void()> body;

void begin() {
    body();
    fibers[running].done = true;
    swapcontext(&fibers[running].context, &scheduler);
}

// A one-dimensional block whose threads synchronise.
void together() {
    fibers.resize(blockDim.x);
    for (size_t i = 0; i < fibers.size(); ++i) {
        auto& fiber = fibers[i];
        fiber.done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack = {fiber.stack.data(), 0, STACK_BYTES};
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, begin, 0);
    }
    for (bool left = true; left;) {
        left = false;
        for (running = 0; running < fibers.size(); ++running) {
            if (fibers[running].done) continue;
            threadIdx = {static_cast<unsigned>(running), 0, 0};
            swapcontext(&scheduler, &fibers[running].context);
            left = left || !fibers[running].done;
        }
    }
}

void alone() {
    for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
        for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
            for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) body();
}

template <typename T>
T argument(void** arguments, int i) {
    return *static_cast<T*>(arguments[i]);
}

template <typename... Arguments, size_t... I>
std::function<void()> called(void (*kernel)(Arguments...), void** given, std::index_sequence<I...>) {
    return [=] { kernel(argument<Arguments>(given, I)...); };
}

template <typename... Arguments>
std::function<std::function<void()>(void**)> with(void (*kernel)(Arguments...)) {
    return [=](void** given) { return called(kernel, given, std::index_sequence_for<Arguments...>{}); };
}

struct Kernel {
    std::function<std::function<void()>(void**)> bind;
    bool waits;  // for the other threads of its block
};

const std::map<std::string, Kernel> KERNELS = {
    {"crop_float32", {with(crop_float32), false}}, {"crop_float16", {with(crop_float16), false}},
    {"crop_int32", {with(crop_int32), false}},     {"crop_uint8", {with(crop_uint8), false}},
    {"to_float16", {with(to_float16), false}},     {"heatmap_peaks", {with(heatmap_peaks), true}},
    {"simcc_peaks", {with(simcc_peaks), true}},
};

}  // namespace

static void __syncthreads() {
    const auto own = running;
    swapcontext(&fibers[own].context, &scheduler);
}

// Arguments as in cuLaunchKernel: a pointer to each. Returns 1 for a kernel that there is not.
extern "C" int cuda_on_cpu_launch(const char* name, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                  unsigned bz, void** arguments) {
    const auto found = KERNELS.find(name);
    if (found == KERNELS.end()) return 1;
    body = found->second.bind(arguments);
    blockDim = {bx, by, bz};
    for (blockIdx.z = 0; blockIdx.z < gz; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < gy; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < gx; ++blockIdx.x) found->second.waits ? together() : alone();
    return 0;
}

// The size of a row, "Crop", or the offset of a field, "Crop.frame"; -1 where there is no such name.
extern "C" long cuda_on_cpu_layout(const char* what) {
    static const std::map<std::string, size_t> LAYOUT = {
#define ROW(row) {#row, sizeof(row)}
#define FIELD(row, field) {#row "." #field, offsetof(row, field)}
        ROW(Crop), FIELD(Crop, frame), FIELD(Crop, input_to_mip), FIELD(Crop, input_to_frame), FIELD(Crop, width),
        FIELD(Crop, height), FIELD(Crop, pixel_format), FIELD(Crop, mip_level), FIELD(Crop, left), FIELD(Crop, top),
        FIELD(Crop, right), FIELD(Crop, bottom), FIELD(Crop, mirrored), FIELD(Crop, shown),
        ROW(Input), FIELD(Input, scale), FIELD(Input, shift), FIELD(Input, pad), FIELD(Input, width),
        FIELD(Input, height), FIELD(Input, nhwc), FIELD(Input, rgb), FIELD(Input, spare),
        ROW(HeatMapOptions), FIELD(HeatMapOptions, taps), FIELD(HeatMapOptions, reach), FIELD(HeatMapOptions, mode),
        FIELD(HeatMapOptions, align), FIELD(HeatMapOptions, edge), FIELD(HeatMapOptions, joints),
        FIELD(HeatMapOptions, map_width), FIELD(HeatMapOptions, map_height), FIELD(HeatMapOptions, input_width),
        FIELD(HeatMapOptions, input_height), FIELD(HeatMapOptions, mirror), FIELD(HeatMapOptions, spare),
        ROW(SimccOptions), FIELD(SimccOptions, joints), FIELD(SimccOptions, bins_x), FIELD(SimccOptions, bins_y),
        FIELD(SimccOptions, input_width), FIELD(SimccOptions, input_height), FIELD(SimccOptions, mean),
        FIELD(SimccOptions, mirror),
    };
    const auto found = LAYOUT.find(what);
    return found == LAYOUT.end() ? -1 : static_cast<long>(found->second);
}
