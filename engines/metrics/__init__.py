"""How good poses are, as the literature measures it.

| measure | module | a joint, limb or person is right when |
|---|---|---|
| PCK | `pck` | the joint is within a part of a reference length (`lengths`) of the truth |
| PDJ | `pck` with `lengths.torso` or `lengths.box_diagonal` | the same; Toshev & Szegedy's and FLIC's name for it |
| PCKh | `pckh` | the same, of 0.6 times the diagonal of the head's box; MPII's measure |
| PCP | `pcp` | both ends of a limb are within half its length of the truth |
| OKS, AP, AR | `oks`, `coco` | it is alike enough to the truth, by joint and size; COCO's measure |
| AP of joints | `mpii_ap` | the joint is right by PCKh, on the best pose of a person; MPII's for crowds |

Everywhere keypoints are float64 in pixels, (N, K, 2) of N people, in the order of a skeleton's joints; NaN is a joint
that is not labelled in the truth, or not found in a prediction. Joints that are hidden but labelled count. Larger is
better for all of these measures, PCP too, of which a survey says the opposite.
"""
