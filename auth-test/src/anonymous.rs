//! Nobody.

use std::marker::PhantomData;

/// Nobody is signed in: the counterpart of [`signed_in_as`](crate::signed_in_as). The type of the user is that of the handlers.
///
/// ```
/// use auth_test::{TestUser, anonymous};
///
/// let nobody = anonymous::<TestUser>();
/// # let _ = nobody;
/// ```
pub fn anonymous<U>() -> Anonymous<U> {
    Anonymous { user: PhantomData }
}

/// Nobody is signed in, at handlers whose users are of this type: made by [`anonymous`], good for `.layer()` (feature `tower`) and
/// `.middleware()` (feature `actix`).
#[derive(Clone, Debug)]
#[must_use = "it is to be a layer"]
pub struct Anonymous<U> {
    user: PhantomData<fn() -> U>,
}
