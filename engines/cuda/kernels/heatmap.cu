// Decodes heat maps to keypoints in frame pixels: engines/codecs/heatmap.py with the rules of subpixel.py, which names the
// papers. One block per map finds the peak; its first thread refines it.

#include "peaks.cuh"

namespace {

struct Map {
    const float* values;
    int width, height;
};

__device__ int reflected(int at, int size) {
    if (size == 1) return 0;
    const int period = 2 * (size - 1);
    at = abs(at) % period;
    return at < period - at ? at : period - at;
}

// The value of a cell; outside the map 0, or with `reflect` the reflected cell.
__device__ double value_at(const Map& map, int x, int y, bool reflect) {
    if (reflect) return map.values[reflected(y, map.height) * map.width + reflected(x, map.width)];
    return x >= 0 && y >= 0 && x < map.width && y < map.height ? map.values[y * map.width + x] : 0.0;
}

// The (2 OUT + 1)^2 cells around (x, y), smoothed.
template <int OUT>
__device__ void smooth(
    const Map& map, const HeatMapOptions& options, int x, int y, bool reflect, double found[2 * OUT + 1][2 * OUT + 1]) {
    const int reach = options.reach;
    for (int row = -OUT; row <= OUT; ++row)
        for (int column = -OUT; column <= OUT; ++column) found[row + OUT][column + OUT] = 0.0;
    for (int dy = -OUT - reach; dy <= OUT + reach; ++dy) {
        double line[2 * OUT + 1] = {};  // one row of cells, smoothed along x
        for (int dx = -OUT - reach; dx <= OUT + reach; ++dx) {
            const double value = value_at(map, x + dx, y + dy, reflect);
            for (int column = -OUT; column <= OUT; ++column) {
                const int tap = dx - column + reach;
                if (tap >= 0 && tap <= 2 * reach) line[column + OUT] += options.taps[tap] * value;
            }
        }
        for (int row = -OUT; row <= OUT; ++row) {
            const int tap = dy - row + reach;
            if (tap < 0 || tap > 2 * reach) continue;
            for (int column = 0; column < 2 * OUT + 1; ++column) found[row + OUT][column] += options.taps[tap] * line[column];
        }
    }
}

__device__ double limited(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

// A Newton step, -H^-1 g, of half a cell at most along each axis.
__device__ void newton(double first_x, double first_y, double xx, double xy, double yy, double& x, double& y) {
    const double determinant = xx * yy - xy * xy;
    if (determinant == 0.0) return;
    x += limited((xy * first_y - yy * first_x) / determinant, -0.5, 0.5);
    y += limited((xy * first_x - xx * first_y) / determinant, -0.5, 0.5);
}

__device__ double sign(double value) { return value > 0.0 ? 1.0 : value < 0.0 ? -1.0 : 0.0; }

__device__ void quarter(const Map& map, const HeatMapOptions& options, int column, int row, double& x, double& y) {
    const int edge = options.edge;
    if (column <= edge || row <= edge || column >= map.width - 1 || row >= map.height - 1) return;
    const float* at = map.values + row * map.width + column;
    x += 0.25 * sign((double)at[1] - (double)at[-1]);
    y += 0.25 * sign((double)at[map.width] - (double)at[-map.width]);
}

__device__ void dark(const Map& map, const HeatMapOptions& options, int column, int row, double& x, double& y) {
    if (column <= 1 || row <= 1 || column >= map.width - 2 || row >= map.height - 2) return;
    double f[5][5];
    smooth<2>(map, options, column, row, false, f);
    for (auto& line : f)
        for (double& value : line) value = log(value > 1e-10 ? value : 1e-10);
    newton(0.5 * (f[2][3] - f[2][1]), 0.5 * (f[3][2] - f[1][2]), 0.25 * (f[2][4] - 2 * f[2][2] + f[2][0]),
           0.25 * (f[3][3] - f[1][3] - f[3][1] + f[1][1]), 0.25 * (f[4][2] - 2 * f[2][2] + f[0][2]), x, y);
}

__device__ void udp(const Map& map, const HeatMapOptions& options, int column, int row, double& x, double& y) {
    double smoothed[3][3], f[3][3];
    smooth<1>(map, options, column, row, true, smoothed);
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) {  // cells outside the map take the nearest one on its edge
            const int near_x = min(max(column + dx, 0), map.width - 1) - column;
            const int near_y = min(max(row + dy, 0), map.height - 1) - row;
            f[dy + 1][dx + 1] = log(limited(smoothed[near_y + 1][near_x + 1], 1e-3, 50.0));
        }
    const double tiny = 1.1920928955078125e-07;  // of float32
    newton(0.5 * (f[1][2] - f[1][0]), 0.5 * (f[2][1] - f[0][1]), f[1][2] - 2 * f[1][1] + f[1][0] + tiny,
           0.5 * (f[2][2] - f[1][2] - f[2][1] + 2 * f[1][1] - f[1][0] - f[0][1] + f[0][0]),
           f[2][1] - 2 * f[1][1] + f[0][1] + tiny, x, y);
}

// Map cells to input pixels along one axis.
__device__ double in_pixels(double place, int cells, int pixels, int align) {
    if (align == EDGES) return place * ((pixels - 1.0) / (cells > 2 ? cells - 1 : 1));
    const double scale = (double)pixels / cells;
    return align == CENTRE ? (place + 0.5) * scale - 0.5 : place * scale;
}

}  // namespace

extern "C" __global__ void heatmap_peaks(
    const float* maps, const Crop* crops, const HeatMapOptions* options, float* keypoints) {
    __shared__ Peak shared[THREADS];
    const int joint = blockIdx.x, person = blockIdx.y, joints = options->joints;
    if (!crops[person].shown) return;
    const int cells = options->map_width * options->map_height;
    const Map map = {maps + ((long long)person * joints + joint) * cells, options->map_width, options->map_height};
    const Peak peak = highest(map.values, cells, shared);
    if (threadIdx.x != 0) return;
    const int column = peak.at % map.width, row = peak.at / map.width;
    double x = column, y = row;
    if (options->mode == QUARTER) quarter(map, *options, column, row, x, y);
    if (options->mode == DARK) dark(map, *options, column, row, x, y);
    if (options->mode == UDP) udp(map, *options, column, row, x, y);
    put_joint(keypoints, crops[person], person, joint, joints, options->mirror,
              in_pixels(x, map.width, options->input_width, options->align),
              in_pixels(y, map.height, options->input_height, options->align), limited(peak.value, 0.0, 1.0));
}
