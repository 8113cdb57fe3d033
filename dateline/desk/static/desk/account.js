// Browsers refuse passkeys and security keys on bare addresses (WebAuthn, section 5.1.4): say so, and where they work.
const hint = document.querySelector("[data-passkey-hint]");
if (hint && location.hostname === "127.0.0.1") {
  hint.querySelector("a").href = location.href.replace("//127.0.0.1", "//localhost");
  hint.hidden = false;
}
