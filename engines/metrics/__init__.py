"""Metrics of poses from the literature.

| metric | module | a joint, limb or person is correct if |
|---|---|---|
| PCK | `pck` | the joint is within a share of a reference length (`lengths`) of the truth |
| PDJ | `pck` with `lengths.torso` or `lengths.box_diagonal` | the same; the name of Toshev & Szegedy and FLIC |
| PCKh | `pckh` | the same, of 0.6 times the diagonal of the head's box; MPII's metric |
| PCP | `pcp` | both ends of a limb are within half its length of the truth |
| OKS, AP, AR | `coco_oks`, `coco_ap` | its OKS with the truth is above a threshold; COCO's metric |
| AP of joints | `mpii_ap` | the joint is correct by PCKh, on the best pose of a person; MPII's for crowds |

Keypoints are float64 in pixels, (N, K, 2) of N people, in the order of a skeleton's joints; NaN is a joint that is
unlabelled in the truth or not found in a prediction. Occluded but labelled joints count. Larger is better for all of
these metrics, PCP too, of which a survey claims the opposite.
"""
