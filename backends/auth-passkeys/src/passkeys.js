// Passkeys on pages: serve this file from the site itself, and load it by <script type="module" src="…">. It needs no inline script.
//
//   <form method="post" action="/login/passkey" data-passkey="login" data-passkey-options-from="/login/passkey/options">
//     <input type="hidden" name="response" data-passkey-response>
//     <button>Sign in with a passkey</button>
//     <p role="alert" data-passkey-message></p>
//   </form>
//
// data-passkey               "register", "login", or "autofill": "login" that also offers passkeys in the page's name field, which has
//                            autocomplete="username webauthn". One form of a page may have that.
// data-passkey-options       the options as the server made them; or
// data-passkey-options-from  where they are fetched from, by POST, for each ceremony. With this, "autofill" goes on beyond the time
//                            that one challenge is good for.
// data-passkey-response      the field that gets the answer, before the form is sent like any other.
// data-passkey-message       where it is said what went wrong. The words are those of data-passkey-text-registered, -cancelled, -failed
//                            and -unsupported of the form, if it has them.
//
// A form's data-passkey-state is "waiting", "sent", or what went wrong; each change is a "passkey" event, with the state in its detail.

const TEXTS = {
  registered: "This device has a passkey for this account already: sign in with it.",
  cancelled: "Nothing was done. Try again, or use another way.",
  failed: "That did not work. Try again, or use another way.",
  unsupported: "This browser has no passkeys.",
};

/** What went wrong, by the name that pages know it by. */
export class PasskeyError extends Error {
  constructor(state, cause) {
    super(TEXTS[state], { cause });
    this.state = state;
  }
}

/** Makes a passkey. Takes the options as text, and gives the answer as text. */
export async function register(options, signal) {
  const publicKey = creationOptions(JSON.parse(options));
  return answer(() => navigator.credentials.create({ publicKey, signal }));
}

/** Signs with a passkey. With the mediation "conditional" it waits until one is chosen in the name field. */
export async function signIn(options, { signal, mediation } = {}) {
  const publicKey = requestOptions(JSON.parse(options));
  return answer(() => navigator.credentials.get({ publicKey, signal, mediation }));
}

async function answer(ask) {
  if (!window.PublicKeyCredential) throw new PasskeyError("unsupported");
  let credential;
  try {
    credential = await ask();
  } catch (error) {
    throw new PasskeyError(stateOf(error), error);
  }
  if (!credential) throw new PasskeyError("cancelled");
  return JSON.stringify(asJson(credential));
}

function stateOf(error) {
  switch (error?.name) {
    // The device is among those that the server left out.
    case "InvalidStateError":
      return "registered";
    // Also where time ran out, or there was no passkey: browsers do not tell.
    case "NotAllowedError":
    case "AbortError":
      return "cancelled";
    case "NotSupportedError":
      return "unsupported";
    default:
      return "failed";
  }
}

// Browsers without the functions of WebAuthn Level 3 for this.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const descriptors = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

function creationOptions(json) {
  if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
    return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  }
  return {
    ...json,
    challenge: bytes(json.challenge),
    user: { ...json.user, id: bytes(json.user.id) },
    excludeCredentials: descriptors(json.excludeCredentials),
  };
}

function requestOptions(json) {
  if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  }
  return {
    ...json,
    challenge: bytes(json.challenge),
    allowCredentials: descriptors(json.allowCredentials),
  };
}

function asJson(credential) {
  if (credential.toJSON) {
    // Some password managers put a toJSON in place that throws.
    try {
      return credential.toJSON();
    } catch {
      // As below.
    }
  }
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = text(response[name]);
  }
  if (response.getTransports) parts.transports = response.getTransports();
  const id = text(credential.rawId);
  return { id, rawId: id, type: credential.type, clientExtensionResults: {}, response: parts };
}

// Forms.

/** The ceremony that waits: a browser allows for one at a time. */
let pending = { abort() {}, ended: Promise.resolve() };

/** Runs a ceremony in the place of the one that waits. Gives nothing if another one took its own place. */
async function alone(ceremony) {
  const controller = new AbortController();
  const before = pending;
  let end;
  pending = { abort: () => controller.abort(), ended: new Promise((resolve) => (end = resolve)) };
  try {
    before.abort();
    await before.ended;
    if (controller.signal.aborted) return undefined;
    const response = await ceremony(controller.signal);
    return controller.signal.aborted ? undefined : response;
  } catch (error) {
    if (controller.signal.aborted) return undefined;
    throw error;
  } finally {
    end();
  }
}

async function optionsOf(form) {
  const { passkeyOptions, passkeyOptionsFrom } = form.dataset;
  if (!passkeyOptionsFrom) return passkeyOptions;
  const response = await fetch(passkeyOptionsFrom, { method: "POST", credentials: "same-origin", cache: "no-store" });
  if (!response.ok) throw new PasskeyError("failed");
  return response.text();
}

function show(form, state) {
  form.dataset.passkeyState = state;
  const message = form.querySelector("[data-passkey-message]");
  const key = `passkeyText${state[0].toUpperCase()}${state.slice(1)}`;
  if (message) message.textContent = form.dataset[key] ?? TEXTS[state] ?? "";
  form.dispatchEvent(new CustomEvent("passkey", { bubbles: true, detail: { state } }));
}

function send(form, response) {
  form.querySelector("[data-passkey-response]").value = response;
  show(form, "sent");
  // What the form wants of its other fields has been asked before, or does not matter to the name field's passkey.
  HTMLFormElement.prototype.submit.call(form);
}

async function run(form) {
  show(form, "waiting");
  try {
    const response = await alone(async (signal) => {
      const options = await optionsOf(form);
      return form.dataset.passkey === "register" ? register(options, signal) : signIn(options, { signal });
    });
    if (response !== undefined) send(form, response);
  } catch (error) {
    show(form, error instanceof PasskeyError ? error.state : "failed");
    offer();
  }
}

/** Offers passkeys in the name field, until one is chosen or another ceremony begins. */
async function offer() {
  const form = document.querySelector('form[data-passkey="autofill"]');
  if (!form || !(await window.PublicKeyCredential?.isConditionalMediationAvailable?.())) return;
  let timer;
  try {
    const response = await alone(async (signal) => {
      const options = await optionsOf(form);
      // A challenge that is about to expire makes room for the next.
      if (form.dataset.passkeyOptionsFrom) timer = setTimeout(offer, (JSON.parse(options).timeout ?? 300_000) * 0.8);
      return signIn(options, { signal, mediation: "conditional" });
    });
    if (response !== undefined) send(form, response);
  } catch (error) {
    // Nobody asked for anything: the other ways are on the page.
    if (!(error instanceof PasskeyError)) console.warn("passkeys cannot be offered", error);
  } finally {
    clearTimeout(timer);
  }
}

function bind() {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form);
    });
  }
  offer();
  // A page that comes back has answered its challenge, or lost it.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) offer();
  });
}

bind();
