"""The field's datasets and predictions, read from the files in which they are published, and written for their servers.

| dataset | files | skeleton |
|---|---|---|
| FLIC | `examples.mat`; the `.h5` that came with Stacked Hourglass | flic11 |
| LSP, LSPET | `joints.mat` | lsp14 |
| MPII | `mpii_human_pose_v1_u12_1.mat`; HRNet's `.json`; Stacked Hourglass's `.h5`; scripts' truth `.mat` | mpii16 |
| COCO | `person_keypoints_*.json` | coco17 |

Whatever the file counts from, records have pixel centres at integers from 0.
"""


class DatasetError(ValueError):
    """A file is not what it is said to be: one line that names the file, the record, and what is wrong with it."""
