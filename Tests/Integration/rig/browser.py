# SPDX-License-Identifier: Apache-2.0
"""As much of a browser as pages without scripts need: cookies, forms, redirections."""

import html.parser
import http.client
import http.cookies
from urllib.parse import urlencode, urljoin, urlsplit


class Page(html.parser.HTMLParser):
    """What came back: `fields` and `action` of its form, `onward` of a refresh."""

    def __init__(self, url, response, text):
        super().__init__()
        self.url, self.status, self.headers, self.text = url, response.status, response.headers, text
        self.action, self.fields, self.onward = None, {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self.action = values.get("action", "")
        if tag == "input" and values.get("name"):
            self.fields[values["name"]] = values.get("value") or ""
        if tag == "meta" and values.get("http-equiv") == "refresh":
            self.onward = values["content"].partition("url=")[2]


class Browser:
    def __init__(self):
        self.jar = {}

    def open(self, url, form=None, headers=None):
        """One request, without redirections."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        cookies = "; ".join(f"{k}={v}" for k, v in self.jar.get(parts.netloc, {}).items())
        sent = {**({"Cookie": cookies} if cookies else {}), **(headers or {})}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body = urlencode(form) if form is not None else None
        connection.request("GET" if form is None else "POST", path, body, sent)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        for value in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(value).items():
                self.jar.setdefault(parts.netloc, {})[name] = morsel.value
        return Page(url, response, text)

    def go(self, url, form=None):
        """Follows redirections and refreshes up to a page that has a form, or no way on."""
        page = self.open(url, form)
        for _ in range(10):
            onward = page.headers.get("Location") or page.onward
            if not onward:
                return page
            page = self.open(urljoin(page.url, onward))
        raise AssertionError("it goes round and round")

    def submit(self, page, **more):
        return self.go(urljoin(page.url, page.action or page.url), {**page.fields, **more})


__all__ = ["Browser", "Page"]
