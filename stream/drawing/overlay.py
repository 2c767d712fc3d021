"""Drawing of skeletons into a picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from posestream.engines.skeletons import SKELETONS
from posestream.stream.drawing.palette import Side, colour_rgb, side
from posestream.stream.drawing.pictures import Picture
from posestream.stream.published import Person

LINE_PER_SIZE = 0.014  # line width over the longer side of the person's box
LINE_MAX_PX = 8
SHIFT = 4  # OpenCV takes coordinates in 1/2**SHIFT of a pixel
OUTLINE_BGR = (24, 24, 24)
NOTICE_BGR = (40, 202, 255)
FONT = cv2.FONT_HERSHEY_DUPLEX


def draw_people(picture: Picture, people: Sequence[Person], min_score: float) -> None:
    """Draws all people into `picture`, (H, W, 3) uint8 BGR, in place: keypoints scored `min_score` or more."""
    for number, person in enumerate(people):
        identity = number if person.id is None else person.id
        width_px = _line_width_px(person)
        _draw_limbs(picture, person, identity, min_score, width_px)
        if person.id is not None:
            _draw_label(picture, person, identity)


def draw_notice(picture: Picture, text: str) -> None:
    """Writes a line of text on a bar across the top of `picture`, (H, W, 3) uint8 BGR, in place."""
    (width, height), below = cv2.getTextSize(text, FONT, 1.0, 1)
    scale = min(picture.shape[0] / 600, (picture.shape[1] - 8) / width)
    text_px, bar_px = round(height * scale), round((2 * height + below) * scale)
    cv2.rectangle(picture, (0, 0), (picture.shape[1], bar_px), NOTICE_BGR, cv2.FILLED)
    where = (max(4, round((picture.shape[1] - width * scale) / 2)), (bar_px + text_px) // 2)
    cv2.putText(picture, text, where, FONT, scale, OUTLINE_BGR, 1, cv2.LINE_AA)


def _line_width_px(person: Person) -> int:
    left, top, right, bottom = person.box_xyxy
    return min(max(1, round(LINE_PER_SIZE * max(right - left, bottom - top))), LINE_MAX_PX)


def _draw_limbs(picture: Picture, person: Person, identity: int, min_score: float, width_px: int) -> None:
    skeleton = SKELETONS[person.skeleton]
    points = [_fixed(x, y) for x, y, _ in person.keypoints]
    shown = [score >= min_score for _, _, score in person.keypoints]
    limbs = [(a, b, side(skeleton, (a, b))) for a, b in skeleton.edges if shown[a] and shown[b]]
    for a, b, _ in limbs:  # all outlines first: an outline must not cross another limb
        cv2.line(picture, points[a], points[b], OUTLINE_BGR, width_px + min(width_px, 2), cv2.LINE_AA, SHIFT)
    for a, b, of in limbs:
        cv2.line(picture, points[a], points[b], _bgr(identity, of), width_px, cv2.LINE_AA, SHIFT)
    for point in (point for point, is_shown in zip(points, shown, strict=True) if is_shown):
        cv2.circle(picture, point, (width_px + 1) << SHIFT, OUTLINE_BGR, cv2.FILLED, cv2.LINE_AA, SHIFT)
        cv2.circle(picture, point, width_px << SHIFT, (255, 255, 255), cv2.FILLED, cv2.LINE_AA, SHIFT)


def _draw_label(picture: Picture, person: Person, identity: int) -> None:
    """Draws the person's id on a plate at the box's upper left corner, kept inside the picture."""
    text = str(identity)
    scale = float(np.clip(picture.shape[0] / 1000, 0.35, 1.2))
    (text_width, text_height), _ = cv2.getTextSize(text, FONT, scale, 1)
    pad = text_height // 2
    left = int(np.clip(person.box_xyxy[0], 0, max(0, picture.shape[1] - text_width - 2 * pad)))
    bottom = int(np.clip(person.box_xyxy[1], text_height + 2 * pad, picture.shape[0] - 1))
    corner = (left + text_width + 2 * pad, bottom - text_height - 2 * pad)
    cv2.rectangle(picture, (left, bottom), corner, _bgr(identity, "left"), cv2.FILLED)
    cv2.putText(picture, text, (left + pad, bottom - pad), FONT, scale, OUTLINE_BGR, 1, cv2.LINE_AA)


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * (1 << SHIFT)), round(y * (1 << SHIFT))


def _bgr(identity: int, of: Side) -> tuple[int, int, int]:
    red, green, blue = colour_rgb(identity, of)
    return blue, green, red
