// One program of all kernels.

#include "crop.cu"
#include "heatmap.cu"
#include "simcc.cu"
