//! The cookie that names a browser's device to the throttle.

use super::RequestView;
use super::sealed::{Opened, SealedCookies, those_of};
use crate::random::Random;
use crate::session::{KeyRing, Purpose};
use crate::throttle::{BucketKey, Device, KNOWN_FOR, ReadDevice};
use crate::time::Timestamp;

/// Sealed cookies with a [`Device`] in them, one for each browser.
#[derive(Clone)]
pub(crate) struct DeviceCookies(SealedCookies);

impl DeviceCookies {
    pub(crate) fn new(ring: &KeyRing, secure: bool) -> Self {
        let sealed = SealedCookies::new(ring, &Purpose::of_core("device"));
        Self(if secure { sealed } else { sealed.insecure_cookies() })
    }

    /// Those of a request, unopened: few requests need them.
    pub(crate) fn of(&self, view: &dyn RequestView) -> Option<Box<[u8]>> {
        those_of(view, self.0.prefix())
    }

    /// The `Set-Cookie` values for a browser with these cookies, on which this name signed in just now.
    pub(crate) fn note(
        &self,
        name: BucketKey,
        cookies: &[u8],
        now: Timestamp,
        random: &dyn Random,
    ) -> Option<Vec<String>> {
        let mut opened = self.0.open([cookies], now).into_iter();
        let known = opened.by_ref().find_map(|opened| Some((Device::decode(opened.payload())?, opened)));
        let Some((mut device, cookie)) = known else {
            let mut id = [0; 16];
            random.fill(&mut id).ok()?;
            let mut device = Device::new(id);
            device.note(name, now);
            // Others that are no device's, or do not open, make room.
            return Some(
                self.0.seal([cookies], &device.encode(), KNOWN_FOR, now, random).ok()?.into_iter().collect(),
            );
        };
        device.note(name, now);
        // The same cookie: see `Cookie::marks_of_end` for how few may change at a login.
        Some(vec![self.0.seal_again(&cookie, &device.encode(), KNOWN_FOR, now, random).ok()?])
    }
}

impl ReadDevice for DeviceCookies {
    fn read(&self, cookies: &[u8], now: Timestamp) -> Option<Device> {
        self.0.open([cookies], now).iter().map(Opened::payload).find_map(Device::decode)
    }
}
