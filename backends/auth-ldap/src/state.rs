//! What an entry says about the state of the account.

use auth_core::backend::DenyReason;
use auth_core::time::Timestamp;

use crate::connection::Entry;

/// The attributes that are read for it. Each directory has different ones.
pub(crate) const ATTRIBUTES: [&str; 4] =
    ["pwdAccountLockedTime", "userAccountControl", "accountExpires", "nsAccountLock"];

/// `ACCOUNTDISABLE` ([MS-ADTS] §2.2.16).
const DISABLED: i64 = 2;
/// 1970 on the scale of Active Directory, which counts tenths of microseconds since 1601.
const EPOCH: i64 = 116_444_736_000_000_000;
const TICKS_PER_MILLI: i64 = 10_000;

/// Why the account may not sign in, if the entry says so.
///
/// Of the locks of the password policy, only those that an administrator sets count. Locks that wrong passwords set
/// protect passwords from guessing, and the bind obeys them. If they ended sessions, anybody could end anybody's
/// sessions.
pub(crate) fn refusal(entry: &Entry, now: Timestamp) -> Option<DenyReason> {
    let number = |name| entry.text(name).and_then(|text| text.parse::<i64>().ok());
    let is = |name, value: &str| entry.text(name).is_some_and(|text| text.eq_ignore_ascii_case(value));
    if number("userAccountControl").is_some_and(|flags| flags & DISABLED != 0) || is("nsAccountLock", "true")
    {
        return Some(DenyReason::Disabled);
    }
    if is("pwdAccountLockedTime", "000001010000Z") {
        return Some(DenyReason::Locked);
    }
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    // Both 0 and the highest number mean "never".
    let ends = number("accountExpires").filter(|ticks| !matches!(*ticks, 0 | i64::MAX));
    let is_over = ends.is_some_and(|ticks| ticks.saturating_sub(EPOCH) / TICKS_PER_MILLI <= now);
    is_over.then_some(DenyReason::Expired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_says_it_in_its_own_way() {
        let now = Timestamp::from_secs(1_800_000_000);
        let table = [
            ("userAccountControl", "512", None),
            ("userAccountControl", "514", Some(DenyReason::Disabled)),
            ("userAccountControl", "66050", Some(DenyReason::Disabled)),
            ("nsAccountLock", "TRUE", Some(DenyReason::Disabled)),
            ("nsAccountLock", "false", None),
            ("pwdAccountLockedTime", "000001010000Z", Some(DenyReason::Locked)),
            ("pwdAccountLockedTime", "20260101000000Z", None),
            ("accountExpires", "0", None),
            ("accountExpires", "9223372036854775807", None),
            ("accountExpires", "134444736000000000", Some(DenyReason::Expired)),
            ("accountExpires", "134444736000010000", None),
            ("accountExpires", "-9223372036854775808", Some(DenyReason::Expired)),
        ];
        for (name, value, expected) in table {
            let attributes = [(name.to_ascii_lowercase(), vec![value.into()])].into();
            let entry = Entry { dn: String::new(), attributes };
            assert_eq!(refusal(&entry, now), expected, "{name}: {value}");
        }
    }
}
