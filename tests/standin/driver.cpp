// A stand-in for NVIDIA's driver, libcuda.so.1, on machines without a GPU: device memory is host memory, and kernels
// are the project's own sources, compiled for the CPU (tests/engines/cuda/on_cpu.cpp).
//
// It is stricter than the driver where that finds mistakes. Streams, the default one too, run nothing until a wait:
// what is read too early is old, and what is freed too early is gone. Copies must lie inside one allocation, locked
// memory must be whole pages, only allocations are freed, only locked memory is unlocked. It counts what is held.
//
// STANDIN_GPUS: the number of GPUs (0). STANDIN_ROOM: bytes of device memory.
// STANDIN_FAIL=FUNCTION:N: every call of FUNCTION after the N-th fails, as after an illegal memory access.
// STANDIN_GONE=FILE: FILE is written at the first such failure, and while it exists there is no GPU.
// STANDIN_REFUSE_LOCK, STANDIN_REFUSE_CAPTURE: page-locking or graph capture fails, without losing the device.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

extern "C" int cuda_on_cpu_launch(const char* kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                  unsigned bz, void** arguments);

namespace {

enum Result {
    SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201, ALREADY_REGISTERED = 712,
    NOT_REGISTERED = 713, NOT_FOUND = 500, ILLEGAL_ADDRESS = 700, NOT_SUPPORTED = 801, CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
};

const std::map<int, const char*> TEXTS = {
    {SUCCESS, "no error"}, {INVALID_VALUE, "invalid argument"}, {NO_DEVICE, "no CUDA-capable device is detected"},
    {INVALID_CONTEXT, "invalid device context"}, {ALREADY_REGISTERED, "part or all of the memory is already locked"},
    {NOT_REGISTERED, "memory is not locked"}, {NOT_FOUND, "named symbol not found"},
    {ILLEGAL_ADDRESS, "an illegal memory access was encountered"},
    {CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"},
    {CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"},
    {OUT_OF_MEMORY, "out of memory"}, {NOT_SUPPORTED, "operation not supported"},
};

// The kernels of the project, and how many arguments of 64 bits each has: a launch copies them.
const std::map<std::string, int> KERNELS = {
    {"crop_float32", 3}, {"crop_float16", 3}, {"crop_int32", 3}, {"crop_uint8", 3},
    {"heatmap_peaks", 4}, {"simcc_peaks", 5}, {"to_float16", 3},
};

using Work = std::function<Result()>;
using Graph = std::vector<Work>;

struct Stream {
    std::vector<Work> queue;
    std::unique_ptr<Graph> capturing;
};
struct Event {
    Stream* stream = nullptr;
};

std::map<uint64_t, size_t> allocated;
std::map<uint64_t, size_t> locked;
long contexts = 0, graphs = 0, launched_graphs = 0, launched_kernels = 0;
Result lost = SUCCESS;  // once something failed, everything does

Stream unnamed;  // of whoever names none; other streams do not wait for it

bool asked(const char* variable) { return std::getenv(variable) != nullptr; }

int gpu_count() {
    const char* count = std::getenv("STANDIN_GPUS");
    const char* gone = std::getenv("STANDIN_GONE");
    if (gone && std::ifstream(gone)) return 0;
    return count ? std::atoi(count) : 0;
}

Stream* meant(Stream* stream) { return stream ? stream : &unnamed; }

Result called(const char* function) {
    static std::map<std::string, long> calls;
    const char* fail = std::getenv("STANDIN_FAIL");
    if (fail && !lost) {
        const std::string wanted(fail);
        const auto colon = wanted.find(':');
        if (wanted.substr(0, colon) == function && ++calls[function] > std::stol(wanted.substr(colon + 1)))
            lost = ILLEGAL_ADDRESS;
        if (lost && asked("STANDIN_GONE")) std::ofstream(std::getenv("STANDIN_GONE"));
    }
    return lost;
}

bool inside(const std::map<uint64_t, size_t>& memory, uint64_t address, size_t size) {
    auto after = memory.upper_bound(address);
    if (after == memory.begin()) return false;
    auto [start, length] = *std::prev(after);
    return address + size <= start + length;
}

Result give(Stream* stream, Work work) {
    (stream->capturing ? *stream->capturing : stream->queue).push_back(std::move(work));
    return SUCCESS;
}

Result run(Stream* stream) {
    if (stream->capturing) return CAPTURE_UNSUPPORTED;
    auto queue = std::move(stream->queue);
    stream->queue.clear();
    for (auto& work : queue)
        if (Result result = work()) return lost = result;
    return SUCCESS;
}

}  // namespace

#define CALL(name) \
    if (Result failed = called(name)) return failed

extern "C" {

// ---- asked by tests

long standin_held(const char* what) {
    const std::string name(what);
    if (name == "memory") return static_cast<long>(allocated.size());
    if (name == "locked") return static_cast<long>(locked.size());
    if (name == "contexts") return contexts;
    if (name == "graphs") return graphs;
    if (name == "launched_graphs") return launched_graphs;
    if (name == "launched_kernels") return launched_kernels;
    return -1;
}

void standin_recover() { lost = SUCCESS; }

// ---- the driver

int cuInit(unsigned) { return gpu_count() ? SUCCESS : NO_DEVICE; }
int cuDriverGetVersion(int* version) { *version = 13000; return SUCCESS; }
int cuDeviceGetCount(int* count) { *count = gpu_count(); return SUCCESS; }
int cuDeviceGet(int* device, int index) { *device = index; return index < gpu_count() ? SUCCESS : INVALID_VALUE; }
int cuDeviceGetName(char* name, int size, int) { std::strncpy(name, "stand-in GPU", size); return SUCCESS; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = size_t{1} << 34; return SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    *value = attribute == 75 ? 9 : 0;  // compute capability 9.0
    return SUCCESS;
}
int cuGetErrorString(int code, const char** text) {
    auto found = TEXTS.find(code);
    *text = found == TEXTS.end() ? "unknown error" : found->second;
    return SUCCESS;
}
int cuGetErrorName(int code, const char** text) { return cuGetErrorString(code, text); }

int cuDevicePrimaryCtxRetain(void** context, int) { *context = &contexts; ++contexts; return SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int) { --contexts; return SUCCESS; }
int cuCtxSetCurrent(void*) { return SUCCESS; }
int cuCtxGetCurrent(void** context) { *context = contexts ? &contexts : nullptr; return SUCCESS; }
int cuCtxPushCurrent_v2(void*) { return SUCCESS; }
int cuCtxPopCurrent_v2(void** context) { *context = &contexts; return SUCCESS; }
int cuCtxGetDevice(int* device) { *device = 0; return SUCCESS; }
int cuCtxSynchronize() { return run(&unnamed); }

int cuMemAlloc_v2(uint64_t* address, size_t size) {
    CALL("cuMemAlloc");
    if (!contexts) return INVALID_CONTEXT;
    if (!size) return INVALID_VALUE;
    size_t taken = size;
    for (auto [_, held] : allocated) taken += held;
    if (asked("STANDIN_ROOM") && taken > std::stoull(std::getenv("STANDIN_ROOM"))) return OUT_OF_MEMORY;
    *address = reinterpret_cast<uint64_t>(std::aligned_alloc(256, (size + 255) / 256 * 256));
    std::memset(reinterpret_cast<void*>(*address), 0xA5, size);  // nobody may count on zeros
    allocated[*address] = size;
    return SUCCESS;
}
int cuMemFree_v2(uint64_t address) {
    if (!allocated.erase(address)) return INVALID_VALUE;
    std::free(reinterpret_cast<void*>(address));
    return SUCCESS;
}
int cuMemsetD8_v2(uint64_t address, unsigned char value, size_t size) {
    if (!inside(allocated, address, size)) return INVALID_VALUE;
    return give(&unnamed, [=] { std::memset(reinterpret_cast<void*>(address), value, size); return SUCCESS; });
}
int cuMemGetInfo_v2(size_t* free, size_t* total) {
    *total = size_t{1} << 34;
    *free = *total;
    for (auto [_, size] : allocated) *free -= size;
    return SUCCESS;
}
int cuMemHostRegister_v2(void* memory, size_t size, unsigned) {
    CALL("cuMemHostRegister");
    if (asked("STANDIN_REFUSE_LOCK")) return NOT_SUPPORTED;
    const auto address = reinterpret_cast<uint64_t>(memory);
    if (address % 4096 || size % 4096) return INVALID_VALUE;
    if (inside(locked, address, 1)) return ALREADY_REGISTERED;
    auto* pages = static_cast<volatile char*>(memory);
    pages[0] = pages[0];  // a mapping that may only be read cannot be locked: better to crash a test than to hide it
    locked[address] = size;
    return SUCCESS;
}
int cuMemHostUnregister(void* memory) {
    return locked.erase(reinterpret_cast<uint64_t>(memory)) ? SUCCESS : NOT_REGISTERED;
}

int cuStreamCreate(Stream** stream, unsigned) { *stream = new Stream; return SUCCESS; }
int cuStreamDestroy_v2(Stream* stream) { delete stream; return SUCCESS; }
int cuStreamSynchronize(Stream* stream) {
    CALL("cuStreamSynchronize");
    return run(meant(stream));
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t size, Stream* stream) {
    CALL("cuMemcpyHtoDAsync");
    if (!inside(allocated, to, size)) return INVALID_VALUE;
    return give(stream, [=] {
        if (!inside(allocated, to, size)) return ILLEGAL_ADDRESS;  // freed meanwhile
        std::memcpy(reinterpret_cast<void*>(to), from, size);
        return SUCCESS;
    });
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t size, Stream* stream) {
    CALL("cuMemcpyDtoHAsync");
    if (!inside(allocated, from, size)) return INVALID_VALUE;
    return give(stream, [=] {
        if (!inside(allocated, from, size)) return ILLEGAL_ADDRESS;
        std::memcpy(to, reinterpret_cast<void*>(from), size);
        return SUCCESS;
    });
}
int cuLaunchHostFunc(Stream* stream, void (*function)(void*), void* data) {
    return give(stream, [=] { function(data); return SUCCESS; });
}

int cuModuleLoadData(void** module, const void* image) {
    if (std::memcmp(image, "\x7f" "ELF", 4)) return INVALID_VALUE;  // a cubin is one
    *module = new int;
    return SUCCESS;
}
int cuModuleLoadDataEx(void** module, const void* image, unsigned, void*, void**) {
    return cuModuleLoadData(module, image);
}
int cuModuleUnload(void* module) { delete static_cast<int*>(module); return SUCCESS; }
int cuModuleGetFunction(void** function, void*, const char* name) {
    auto found = KERNELS.find(name);
    if (found == KERNELS.end()) return NOT_FOUND;
    *function = const_cast<std::pair<const std::string, int>*>(&*found);
    return SUCCESS;
}
int cuFuncSetBlockShape(void*, int, int, int) { return SUCCESS; }
int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned, Stream* stream, void** arguments, void** extra) {
    CALL("cuLaunchKernel");
    const auto& [name, count] = *static_cast<const std::pair<const std::string, int>*>(function);
    std::vector<uint64_t> values(count);
    if (arguments)
        for (int i = 0; i < count; ++i) values[i] = *static_cast<uint64_t*>(arguments[i]);
    else  // pycuda packs them into one buffer: pointer tag, buffer, size tag, size, end
        std::memcpy(values.data(), extra[1], count * sizeof(uint64_t));
    return give(stream, [=, kernel = name.c_str()]() mutable {
        std::vector<void*> pointers;
        for (auto& value : values) pointers.push_back(&value);
        ++launched_kernels;
        return cuda_on_cpu_launch(kernel, gx, gy, gz, bx, by, bz, pointers.data()) ? ILLEGAL_ADDRESS : SUCCESS;
    });
}

int cuStreamBeginCapture_v2(Stream* stream, int) {
    if (stream->capturing) return CAPTURE_UNSUPPORTED;
    if (!stream->queue.empty()) return CAPTURE_UNSUPPORTED;  // a graph is captured from an idle stream here
    stream->capturing = std::make_unique<Graph>();
    return SUCCESS;
}
int cuStreamEndCapture(Stream* stream, Graph** graph) {
    *graph = stream->capturing.release();
    if (asked("STANDIN_REFUSE_CAPTURE")) {
        delete *graph;
        *graph = nullptr;
        return CAPTURE_INVALIDATED;
    }
    return *graph ? SUCCESS : INVALID_VALUE;
}
int cuGraphInstantiateWithFlags(Graph** launchable, Graph* graph, unsigned long long) {
    *launchable = new Graph(*graph);
    ++graphs;
    return SUCCESS;
}
int cuGraphDestroy(Graph* graph) { delete graph; return SUCCESS; }
int cuGraphExecDestroy(Graph* graph) { delete graph; --graphs; return SUCCESS; }
int cuGraphLaunch(Graph* graph, Stream* stream) {
    CALL("cuGraphLaunch");
    ++launched_graphs;
    for (auto& work : *graph) give(stream, work);
    return SUCCESS;
}

int cuEventCreate(Event** event, unsigned) { *event = new Event; return SUCCESS; }
int cuEventDestroy_v2(Event* event) { delete event; return SUCCESS; }
int cuEventRecord(Event* event, Stream* stream) { event->stream = stream; return SUCCESS; }
int cuEventSynchronize(Event* event) { return event->stream ? run(event->stream) : SUCCESS; }
int cuEventElapsedTime(float* ms, Event*, Event*) { *ms = 1.0F; return SUCCESS; }
int cuEventElapsedTime_v2(float* ms, Event*, Event*) { *ms = 1.0F; return SUCCESS; }

int cuGetExportTable(const void**, const void*) { return NOT_FOUND; }  // NVRTC asks a driver for its secrets

// cuda-bindings asks for every function by its name without a version; ours have the newest.
int cuGetProcAddress_v2(const char* symbol, void** function, int, uint64_t, int* status) {
    static void* own = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);  // this library, under the name it stands in for
    for (const char* suffix : {"_v2", ""}) {
        *function = dlsym(own, (std::string(symbol) + suffix).c_str());
        if (*function) break;
    }
    if (std::string(symbol) == "cuGraphInstantiate") *function = reinterpret_cast<void*>(&cuGraphInstantiateWithFlags);
    if (status) *status = *function ? 0 : 1;
    return SUCCESS;
}
int cuGetProcAddress(const char* symbol, void** function, int version, uint64_t flags) {
    return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}
}
