//! What an answer to a bind says about the account: result codes, the password policy control, and the messages of
//! Active Directory.

use auth_core::backend::{DeclineReason, DenyReason};
use ldap3::LdapResult;

use crate::ber::{Elements, Malformed, number, tag};
use crate::error::Failure;

/// The password policy control, of the request and of the response (draft-behera-ldap-password-policy-10 §6).
pub(crate) const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// What 389 Directory Server sends in addition to it, or instead, for a password that must be changed.
const EXPIRED_OID: &str = "2.16.840.1.113730.3.4.4";

/// The result of a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Proven,
    Declined(DeclineReason),
    Denied(DenyReason),
}

/// The result codes that are answers (RFC 4511 appendix A).
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
}

/// Interprets an answer to a user's bind. Only result code 0 proves anything.
///
/// # Errors
/// [`Failure`] if it says nothing about the user.
pub(crate) fn judge(answer: &LdapResult) -> Result<Judged, Failure> {
    let state =
        state(answer).map_err(|Malformed| Failure::nonsense("the password policy control makes no sense"))?;
    match (answer.rc, state) {
        // Even if the password is right: the server lets it be used for changing it, and for nothing else.
        (_, Some(reason)) => Ok(Judged::Denied(reason)),
        (code::SUCCESS, None) => Ok(Judged::Proven),
        (code::INVALID_CREDENTIALS, None) => Ok(sub_code(&answer.text)),
        (code, None) => Err(Failure::code("a bind", code)),
    }
}

/// What the controls say about the account, if anything.
fn state(answer: &LdapResult) -> Result<Option<DenyReason>, Malformed> {
    let mut state = None;
    for control in &answer.ctrls {
        let found = match &*control.1.ctype {
            OID => password_policy(control.1.val.as_deref().unwrap_or_default())?,
            EXPIRED_OID if answer.rc == code::SUCCESS => Some(DenyReason::MustChangePassword),
            EXPIRED_OID => Some(DenyReason::Expired),
            _ => None,
        };
        state = state.or(found);
    }
    Ok(state)
}

fn password_policy(value: &[u8]) -> Result<Option<DenyReason>, Malformed> {
    let mut outer = Elements::of(value);
    let mut response = Elements::of(outer.expect(tag::SEQUENCE)?);
    outer.end()?;
    if let Some(warning) = response.optional(0xA0)? {
        match Elements::of(warning).next()? {
            (0x80, seconds) => {
                tracing::info!(target: "auth", seconds = number(seconds)?, "a password expires soon");
            }
            (0x81, left) => tracing::info!(target: "auth", left = number(left)?, "a password has expired"),
            _ => return Err(Malformed),
        }
    }
    let error = response.optional(0x81)?.map(number).transpose()?;
    response.end()?;
    Ok(match error {
        Some(0) => Some(DenyReason::Expired),
        Some(1) => Some(DenyReason::Locked),
        Some(2) => Some(DenyReason::MustChangePassword),
        // The others concern new passwords.
        _ => None,
    })
}

/// The value after `data` in the diagnostic message of Active Directory, and of Samba: a Windows error code.
fn sub_code(text: &str) -> Judged {
    let code =
        text.split_once("AcceptSecurityContext error, data ").and_then(|(_, code)| code.split(',').next());
    match code {
        Some("525") => Judged::Declined(DeclineReason::UnknownUser),
        Some("530" | "531" | "569") => Judged::Denied(DenyReason::NotPermitted),
        Some("532" | "701") => Judged::Denied(DenyReason::Expired),
        Some("533") => Judged::Denied(DenyReason::Disabled),
        Some("773") => Judged::Denied(DenyReason::MustChangePassword),
        Some("775") => Judged::Denied(DenyReason::Locked),
        _ => Judged::Declined(DeclineReason::WrongSecret),
    }
}

#[cfg(test)]
mod tests {
    use ldap3::controls::{Control, RawControl};

    use super::*;

    fn answer(rc: u32, text: &str, control: Option<(&str, &[u8])>) -> LdapResult {
        let control = control.map(|(oid, value)| {
            Control(None, RawControl { ctype: oid.into(), crit: false, val: Some(value.to_vec()) })
        });
        LdapResult {
            rc,
            matched: String::new(),
            text: text.into(),
            refs: Vec::new(),
            ctrls: control.into_iter().collect(),
        }
    }

    #[test]
    fn only_code_0_proves_and_only_code_49_is_a_wrong_password() {
        for code in 0..=123 {
            let expected = match code {
                0 => Some(Judged::Proven),
                49 => Some(Judged::Declined(DeclineReason::WrongSecret)),
                _ => None,
            };
            assert_eq!(judge(&answer(code, "", None)).ok(), expected, "{code}");
        }
    }

    #[test]
    fn active_directory_says_why_in_its_text() {
        use DenyReason::{Disabled, Expired, Locked, MustChangePassword, NotPermitted};
        let table = [
            ("525", Judged::Declined(DeclineReason::UnknownUser)),
            ("52e", Judged::Declined(DeclineReason::WrongSecret)),
            ("530", Judged::Denied(NotPermitted)),
            ("531", Judged::Denied(NotPermitted)),
            ("532", Judged::Denied(Expired)),
            ("533", Judged::Denied(Disabled)),
            ("701", Judged::Denied(Expired)),
            ("773", Judged::Denied(MustChangePassword)),
            ("775", Judged::Denied(Locked)),
            ("7750", Judged::Declined(DeclineReason::WrongSecret)),
            ("", Judged::Declined(DeclineReason::WrongSecret)),
        ];
        for (data, expected) in table {
            let text = format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v3839\0"
            );
            assert_eq!(judge(&answer(49, &text, None)), Ok(expected), "{data}");
            assert!(judge(&answer(1, &text, None)).is_err(), "{data}: the words alone decide nothing");
        }
    }

    #[test]
    fn the_control_says_how_the_account_stands() {
        use DenyReason::{Expired, Locked, MustChangePassword};
        let table: [(&str, u32, &[u8], Option<Judged>); 13] = [
            ("nothing", 0, &[0x30, 0], Some(Judged::Proven)),
            ("soon", 0, &[0x30, 5, 0xA0, 3, 0x80, 1, 60], Some(Judged::Proven)),
            ("grace", 0, &[0x30, 5, 0xA0, 3, 0x81, 1, 2], Some(Judged::Proven)),
            ("right, to be changed", 0, &[0x30, 3, 0x81, 1, 2], Some(Judged::Denied(MustChangePassword))),
            ("expired", 49, &[0x30, 3, 0x81, 1, 0], Some(Judged::Denied(Expired))),
            ("locked", 49, &[0x30, 3, 0x81, 1, 1], Some(Judged::Denied(Locked))),
            ("locked, 389", 19, &[0x30, 3, 0x81, 1, 1], Some(Judged::Denied(Locked))),
            ("wrong", 49, &[0x30, 0], Some(Judged::Declined(DeclineReason::WrongSecret))),
            (
                "both",
                0,
                &[0x30, 8, 0xA0, 3, 0x81, 1, 2, 0x81, 1, 2],
                Some(Judged::Denied(MustChangePassword)),
            ),
            ("empty", 0, &[], None),
            ("cut off", 0, &[0x30, 3, 0x81], None),
            ("longer", 0, &[0x30, 0, 0], None),
            ("something else", 0, &[0x30, 2, 0x82, 0], None),
        ];
        for (name, code, value, expected) in table {
            assert_eq!(judge(&answer(code, "", Some((OID, value)))).ok(), expected, "{name}");
        }
        let old = Some((EXPIRED_OID, &b"0"[..]));
        assert_eq!(judge(&answer(0, "", old)), Ok(Judged::Denied(MustChangePassword)));
        assert_eq!(judge(&answer(49, "", old)), Ok(Judged::Denied(Expired)));
    }
}
