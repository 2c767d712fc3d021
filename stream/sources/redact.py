"""Credentials never reach a log, a message or a page: every text that may hold a URL goes through `redact`."""

import re

HIDDEN = "***"

# What a query calls a secret, anywhere in the parameter's name: `pwd`, `loginpas`, `access_token`, `api_key`, `user`.
_SECRET = r"(?:pas|pwd|psw|token|key|secret|auth|sig|cred|user|usr|login)"
_SHOWN = re.escape(HIDDEN)

_USERINFO = re.compile(r"(?<=://)[^\s/?#]*@")  # up to the last @ of the authority: passwords may hold one
# A password with an unescaped / ? or # ends the authority early for a parser; a port would be digits up to there.
_BROKEN_USERINFO = re.compile(r"(?<=://)[^\s/?#@:]*:(?!\d*(?:[/?#\s]|$))[^\s@]*@")
# Cameras put parameters into the path too: rtsp://host/user=admin_password=secret_channel=1.sdp
_PARAMETER = re.compile(rf"([?&;/_,][^\s=&;/?]*?{_SECRET}[^\s=&;/?]*=)(?!{_SHOWN})[^\s&#]*", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` with user names, passwords and tokens of the URLs in it replaced by `***`; the same when done twice."""
    text = _USERINFO.sub(f"{HIDDEN}@", text)
    text = _BROKEN_USERINFO.sub(f"{HIDDEN}@", text)
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", text)
