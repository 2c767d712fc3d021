// What kernels read from device memory: rows that engines/cuda/crops.py and decoders.py write. Keep them in step; a
// test compares sizes and offsets. Everything that changes from frame to frame lies here, and not in the arguments of a
// launch, so that a CUDA graph stays the same.
#pragma once

enum { MOST_HALVINGS = 8 };

enum PixelFormat { BGR24 = 0, I420 = 1, NV12 = 2 };

// One image of a batch: the region of a frame that it shows.
struct Crop {
    const unsigned char* frame;  // device memory, packed as in the frame ring
    double sample[6];            // from pixels of the input to pixels of the part, which is halved `halvings` times
    double place[6];             // from pixels of the input to frame pixels
    int width, height;           // of the frame
    int pixel_format;
    int halvings;
    int left, top, right, bottom;  // the part of the frame that is drawn on; beyond it is padding
    int mirrored;                  // the region is seen in a mirror: joints change sides
    int shown;                     // 0: a row that only fills the batch
};

// The image input of a network.
struct Input {
    float scale[3], shift[3];  // value = pixel * scale + shift, by the network's own order of colours
    int pad;
    int width, height;
    int nhwc;  // else nchw
    int rgb;   // else bgr
    int spare;
};

enum { MOST_JOINTS = 64, MOST_TAPS = 33 };

// How the peak of a heat map becomes a place: engines/codecs/subpixel.py.
enum Mode { ARGMAX = 0, QUARTER = 1, DARK = 2, UDP = 3 };
enum Align { CORNER = 0, CENTRE = 1, EDGES = 2 };

struct HeatMapOptions {
    double taps[MOST_TAPS];  // of the smoothing kernel, 2 * reach + 1
    int reach;
    int mode, align;
    int beyond;  // QUARTER: cells at this one and before it stay
    int joints;
    int map_width, map_height;
    int input_width, input_height;
    int mirror[MOST_JOINTS];  // the joint on the other side
    int spare;
};

struct SimccOptions {
    int joints;
    int bins_x, bins_y;
    int input_width, input_height;
    int mean;  // the score is the mean of both peaks, else the smaller one
    int mirror[MOST_JOINTS];
};

// The compiler of the GPU lays them out as that of the CPU does, which the test asks.
static_assert(sizeof(Crop) == 144 && sizeof(Input) == 48, "rows of engines/cuda/crops.py");
static_assert(sizeof(HeatMapOptions) == 560 && sizeof(SimccOptions) == 280, "rows of engines/cuda/keypoints.py");
