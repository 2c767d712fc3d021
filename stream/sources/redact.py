"""Redaction of credentials: every text that may contain a URL goes through `redact` before a log, message or page."""

import re

HIDDEN = "***"

# Names of secret query parameters, or parts of them: `pwd`, `loginpas`, `access_token`, `api_key`, `user`.
_SECRET = r"(?:pas|pwd|psw|token|key|secret|auth|sig|cred|user|usr|login)"
_SHOWN = re.escape(HIDDEN)

_USERINFO = re.compile(r"(?<=://)[^\s/?#]*@")  # up to the last @ of the authority: passwords may contain one
# A password with an unescaped / ? or # ends the authority early for a parser; a port would be digits up to there.
_BROKEN_USERINFO = re.compile(r"(?<=://)[^\s/?#@:]*:(?!\d*(?:[/?#\s]|$))[^\s@]*@")
# Cameras put parameters into the path too: rtsp://host/user=admin_password=secret_channel=1.sdp
_PARAMETER = re.compile(rf"([?&;/_,][^\s=&;/?]*?{_SECRET}[^\s=&;/?]*=)(?!{_SHOWN})[^\s&#]*", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` with user names, passwords and tokens of its URLs replaced by `***`. Idempotent."""
    text = _USERINFO.sub(f"{HIDDEN}@", text)
    text = _BROKEN_USERINFO.sub(f"{HIDDEN}@", text)
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", text)
