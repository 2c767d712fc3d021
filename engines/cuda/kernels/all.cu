// All kernels as one program.

#include "crop.cu"
#include "heatmap.cu"
#include "simcc.cu"
