// The rows of device memory that the kernels read. engines/cuda/crops.py and keypoints.py write them: keep both in step,
// a test compares sizes and offsets. What changes from frame to frame lies here, and not in a launch's arguments, so that
// a captured CUDA graph stays valid.
#pragma once

enum { MAX_MIP_LEVEL = 8 };

enum PixelFormat { BGR24 = 0, I420 = 1, NV12 = 2 };

// One image of a batch: a region of a frame.
struct Crop {
    const unsigned char* frame;  // device memory, packed as in the frame ring
    double input_to_mip[6];      // affine: input pixels to pixels of the source rectangle at its mip level
    double input_to_frame[6];    // affine: input pixels to frame pixels
    int width, height;           // of the frame
    int pixel_format;
    int mip_level;                 // how often the rectangle is halved
    int left, top, right, bottom;  // source rectangle in frame pixels; padding lies around it
    int mirrored;                  // the region is flipped: left and right joints are swapped
    int shown;                     // 0: a row that only fills the batch
};

// The image input of a network.
struct Input {
    float scale[3], shift[3];  // value = pixel * scale + shift, in the network's colour order
    int pad;
    int width, height;
    int nhwc;  // else nchw
    int rgb;   // else bgr
    int spare;
};

enum { MAX_JOINTS = 64, MAX_TAPS = 33 };

// How the peak of a heat map is refined: engines/codecs/subpixel.py.
enum Mode { ARGMAX = 0, QUARTER = 1, DARK = 2, UDP = 3 };
enum Align { CORNER = 0, CENTRE = 1, EDGES = 2 };

struct HeatMapOptions {
    double taps[MAX_TAPS];  // smoothing kernel, 2 * reach + 1
    int reach;
    int mode, align;
    int edge;  // QUARTER: rows and columns 0 to `edge` are not refined
    int joints;
    int map_width, map_height;
    int input_width, input_height;
    int mirror[MAX_JOINTS];  // each joint's counterpart on the other side
    int spare;
};

struct SimccOptions {
    int joints;
    int bins_x, bins_y;
    int input_width, input_height;
    int mean;  // the score is the mean of both peaks, else the smaller one
    int mirror[MAX_JOINTS];
};

// NVRTC lays structs out as the host's compiler does; the test relies on it.
static_assert(sizeof(Crop) == 144 && sizeof(Input) == 48, "rows of engines/cuda/crops.py");
static_assert(sizeof(HeatMapOptions) == 560 && sizeof(SimccOptions) == 280, "rows of engines/cuda/keypoints.py");
