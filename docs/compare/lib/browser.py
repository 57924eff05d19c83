"""As much of a browser as the questions need: cookies, forms, and where a request comes from."""
import http.client
import re
from dataclasses import dataclass
from urllib.parse import urlencode

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@dataclass
class Answer:
    status: int
    headers: list
    body: str

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def location(self):
        return self.header("location")


class Browser:
    def __init__(self, port):
        self.port = port
        self.site = f"http://localhost:{port}"
        self.cookies = {}
        self.set_cookies = []

    def send(self, method, path, fields=None, headers=None):
        """One request. Redirects are not followed; the cookies are kept, `Secure` ones too, as on localhost."""
        headers = {"Host": f"localhost:{self.port}", "Accept": "text/html", **(headers or {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read().decode())
        finally:
            connection.close()
        self._keep(answer)
        return answer

    def _keep(self, answer):
        for key, line in answer.headers:
            if key.lower() != "set-cookie":
                continue
            self.set_cookies.append(line)
            name, value = line.split(";")[0].split("=", 1)
            if re.search(r"max-age=(0|-\d+)\b", line, re.I):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')

    def get(self, path):
        return self.send("GET", path)

    def hidden(self, form):
        """The fields of a form that are filled in already."""
        return dict(HIDDEN.findall(self.get(form).body))

    def submit(self, form, fields, to=None):
        """Opens the page of a form, fills it in and sends it."""
        hidden = self.hidden(form)
        own = {"Origin": self.site, "Sec-Fetch-Site": "same-origin"}
        return self.send("POST", to or form, {**hidden, **fields}, own)

    # Each program has its own names of fields; the others are ignored.

    def register(self, name, password):
        fields = {"username": name, **dict.fromkeys(("password", "password1", "password2"), password)}
        return self.submit("/register", fields)

    def log_in(self, name, password, query=""):
        return self.submit("/login" + query, {"username": name, "password": password})

    def log_out(self):
        return self.submit("/account", {}, to="/logout")

    def change_password(self, current, new):
        fields = {"current": current, "old_password": current}
        return self.submit("/password", {**fields, **dict.fromkeys(("new", "new_password1", "new_password2"), new)})

    def is_signed_in(self, name):
        answer = self.get("/account")
        return answer.status == 200 and f"You are {name}<" in answer.body
