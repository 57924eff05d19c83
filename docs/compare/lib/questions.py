"""What is asked. The first line of each is its row in the table; each has a fresh program and an empty database."""
import re
import time

GOOD = "correct horse battery staple"
OTHER = "an entirely different passphrase"
TOKEN = re.compile(r'value="[^"]*"')


def alice(site):
    browser = site.browser()
    browser.register("alice", GOOD)
    assert browser.is_signed_in("alice"), "registration does not sign in"
    return browser


def copy_of(browser, site):
    """Another browser with the same cookies: who stole them."""
    thief = site.browser()
    thief.cookies = dict(browser.cookies)
    return thief


def session_cookies(browser):
    return [line for line in browser.set_cookies if "session" in line.split("=")[0] or line.startswith("id=")]


# What each has to do, or the comparison means nothing.


def registers(site):
    """Registers, and signs in"""
    return alice(site)


def logs_in(site):
    """Logs in and out"""
    alice(site)
    browser = site.browser()
    browser.log_in("alice", GOOD)
    signed_in = browser.is_signed_in("alice")
    browser.log_out()
    return signed_in and not browser.is_signed_in("alice")


def refuses_wrong_passwords(site):
    """Refuses a wrong password"""
    alice(site)
    browser = site.browser()
    browser.log_in("alice", OTHER)
    return not browser.is_signed_in("alice")


def refuses_taken_names(site):
    """Refuses a name that is taken"""
    alice(site)
    browser = site.browser()
    browser.register("alice", OTHER)
    return not browser.is_signed_in("alice")


def leads_to_the_login_page_and_back(site):
    """Leads to the login page and back"""
    alice(site)
    browser = site.browser()
    sent = browser.get("/account")
    assert sent.status in (302, 303, 307) and sent.location.startswith("/login?next="), sent
    back = browser.log_in("alice", GOOD, query=sent.location.removeprefix("/login"))
    return back.location == "/account" and browser.is_signed_in("alice")


def asks_for_permission(site):
    """Shows the members' page with the permission only, from the next request on"""
    browser = alice(site)
    before, anonymous = browser.get("/members"), site.browser().get("/members")
    site.grant("alice")
    return before.status == 403 and anonymous.status in (302, 303, 307) and browser.get("/members").status == 200


def changes_passwords(site):
    """Changes the password, if the current one is right"""
    browser = alice(site)
    browser.change_password(OTHER, "neither this nor that, but a third")
    browser.change_password(GOOD, OTHER)
    again = site.browser()
    again.log_in("alice", OTHER)
    return again.is_signed_in("alice")


# What holds, with what its documentation shows and no more.


def ends_copied_sessions(site):
    """A logout ends the session for a copied cookie, too"""
    browser = alice(site)
    thief = copy_of(browser, site)
    browser.log_out()
    return not thief.is_signed_in("alice")


def ends_other_sessions(site):
    """A new password ends the other sessions, and not this one"""
    browser = alice(site)
    elsewhere = site.browser()
    elsewhere.log_in("alice", GOOD)
    browser.change_password(GOOD, OTHER)
    return browser.is_signed_in("alice") and not elsewhere.is_signed_in("alice")


def moves_this_session(site):
    """… and a cookie that was copied from this one before is worth nothing after it"""
    browser = alice(site)
    thief = copy_of(browser, site)
    browser.change_password(GOOD, OTHER)
    return browser.is_signed_in("alice") and not thief.is_signed_in("alice")


def does_not_fix_sessions(site):
    """A login takes a new session id: one that was planted is worth nothing (fixation)"""
    alice(site)
    attacker = site.browser()
    attacker.register("mallory", OTHER)
    victim = copy_of(attacker, site)
    victim.log_in("alice", GOOD)
    return victim.is_signed_in("alice") and not attacker.is_signed_in("alice")


def is_no_open_redirect(site):
    """`next` leads to this site only"""
    alice(site)
    for target in ("https://evil.example/", "//evil.example/", "/%5Cevil.example/", "%09//evil.example", "http:evil"):
        location = site.browser().log_in("alice", GOOD, query=f"?next={target}").location
        if not re.match(r"/(?![/\\])", location):
            return False
    return True


def refuses_other_sites(site):
    """A form of another site changes nothing, even if the browser sends the cookie"""
    return survives(site, "https://evil.example", "cross-site")


def refuses_siblings(site):
    """Nor does one of a sibling subdomain, which `SameSite` lets through"""
    return survives(site, "http://evil.localhost", "same-site")


def refuses_unknown_origins(site):
    """Nor does one of which the browser does not tell where it comes from (old browsers)"""
    return survives(site, None, None)


def survives(site, origin, relation):
    browser = alice(site)
    fields = {"current": GOOD, "old_password": GOOD, **dict.fromkeys(("new", "new_password1", "new_password2"), OTHER)}
    headers = {"Origin": origin, "Sec-Fetch-Site": relation} if origin else {}
    browser.send("POST", "/logout", {}, headers)
    browser.send("POST", "/password", fields, headers)
    again = site.browser()
    again.log_in("alice", OTHER)
    return browser.is_signed_in("alice") and not again.is_signed_in("alice")


def refuses_foreign_logins(site):
    """Another site cannot log its visitor in as somebody (login CSRF)"""
    alice(site)
    victim = site.browser()
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    victim.send("POST", "/login", {"username": "alice", "password": GOOD}, headers)
    return not victim.is_signed_in("alice")


def throttles(site):
    """After ten wrong passwords, guessing has to wait"""
    alice(site)
    return not guess(site).is_signed_in("alice")


def does_not_lock_the_owner_out(site):
    """… and meanwhile the owner gets in, from a browser that was signed in before"""
    owner = alice(site)
    owner.log_out()
    owner.log_in("alice", GOOD)
    owner.log_out()
    guesser = guess(site)
    owner.log_in("alice", GOOD)
    return not guesser.is_signed_in("alice") and owner.is_signed_in("alice")


def guess(site):
    """Who guesses, and is right at the eleventh time."""
    guesser = site.browser()
    for number in range(10):
        guesser.log_in("alice", f"{OTHER} {number}")
    guesser.log_in("alice", GOOD)
    return guesser


def answers_the_same(site):
    """The answer does not tell whether a name exists"""
    alice(site)
    known, unknown = site.browser().log_in("alice", OTHER), site.browser().log_in("alicf", OTHER)
    texts = [TOKEN.sub("", answer.body) for answer in (known, unknown)]
    return known.status == unknown.status and texts[0] == texts[1]


def takes_as_long(site):
    """Nor does the time that it takes"""
    alice(site)
    # In turns, and the shortest of four: what else the machine does only makes it longer.
    pairs = [(time_of(site, "alice"), time_of(site, f"nobody{number}")) for number in range(4)]
    known, unknown = (min(times) for times in zip(*pairs))
    return 0.4 < unknown / known < 2.5


def time_of(site, name):
    browser = site.browser()
    hidden = browser.hidden("/login")
    begun = time.perf_counter()
    browser.send("POST", "/login", {**hidden, "username": name, "password": OTHER}, {"Origin": browser.site})
    return time.perf_counter() - begun


def refuses_weak_passwords(site):
    """Refuses a weak password at registration"""
    for number, weak in enumerate(("password1", "12345678", "qwertyuiop")):
        browser = site.browser()
        browser.register(f"user{number}", weak)
        if browser.is_signed_in(f"user{number}"):
            return False
    return True


def takes_one_name_once(site):
    """Two names that look the same are one (`ａｌｉｃｅ` in full width)"""
    alice(site)
    browser = site.browser()
    browser.register("ａｌｉｃｅ", OTHER)
    return browser.get("/account").status != 200


def ignores_case(site):
    """Nor can somebody register as `Alice` beside `alice`"""
    alice(site)
    browser = site.browser()
    browser.register("Alice", OTHER)
    return browser.get("/account").status != 200


def sets_flags(site):
    """The cookie is `Secure`, `HttpOnly` and `SameSite`"""
    lines = [line.lower() for line in session_cookies(alice(site))]
    return lines and all(flag in line for line in lines for flag in ("; secure", "; httponly", "; samesite="))


def binds_the_cookie(site):
    """A subdomain cannot set it (`__Host-`)"""
    lines = session_cookies(alice(site))
    return lines and all(line.startswith("__Host-") for line in lines)


def keeps_hashes(site):
    """Who reads the database cannot take over a session"""
    browser = alice(site)
    stored = site.stored()
    return all(value.encode() not in stored for value in browser.cookies.values())


def is_not_cached(site):
    """A page with personal data is not cached"""
    browser = alice(site)
    control = browser.get("/account").header("cache-control") or ""
    return "no-store" in control or "private" in control


def cannot_be_framed(site):
    """No other site can frame its pages (clickjacking)"""
    answer = alice(site).get("/account")
    policy = answer.header("content-security-policy") or ""
    return answer.header("x-frame-options") is not None or "frame-ancestors" in policy


def does_not_repeat_forms(site):
    """A form that is sent without a session is not sent on to the login page"""
    answer = site.browser().send("POST", "/password", {"current": GOOD, "new": OTHER})
    return answer.status not in (307, 308)


def tells_outages(site):
    """Without its table of sessions it says 5xx, and nobody is signed out"""
    browser = alice(site)
    rename(site, site.program.sessions, "away")
    during = browser.get("/account")
    rename(site, "away", site.program.sessions)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        after = browser.get("/account")
        if after.status < 500:
            break
        time.sleep(0.1)
    return during.status >= 500 and after.status == 200


def rename(site, old, new):
    with site.sql() as connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")


MUST = [
    registers,
    logs_in,
    refuses_wrong_passwords,
    refuses_taken_names,
    leads_to_the_login_page_and_back,
    asks_for_permission,
    changes_passwords,
]
SECURITY = [
    ends_copied_sessions,
    ends_other_sessions,
    moves_this_session,
    does_not_fix_sessions,
    is_no_open_redirect,
    refuses_other_sites,
    refuses_siblings,
    refuses_unknown_origins,
    refuses_foreign_logins,
    throttles,
    does_not_lock_the_owner_out,
    answers_the_same,
    takes_as_long,
    refuses_weak_passwords,
    takes_one_name_once,
    ignores_case,
    sets_flags,
    binds_the_cookie,
    keeps_hashes,
    is_not_cached,
    cannot_be_framed,
    does_not_repeat_forms,
    tells_outages,
]
