"""From full range (JFIF 1.02), that of JPEG, to limited range (ITU-R BT.601-7, 2.5.3), that of i420 and nv12 slots.

As factor and offset of `cv2.convertScaleAbs`: luma 0..255 -> 16..235, chroma 128 +- 127.5 -> 128 +- 112.
"""

LUMA_TO_LIMITED = 219 / 255, 16.0
CHROMA_TO_LIMITED = 224 / 255, 128 * (1 - 224 / 255)
