//! Values that an application keeps in a session.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::User;
use crate::session::{CookieEffect, Patches, Renewal, SessionData, SessionError, SessionErrorKind};

impl<U: User> Session<U> {
    /// Reads a value from this session: `None` if the session has none of this name, or one of another type.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let cart: Vec<u64> = session.get("cart").await?.unwrap_or_default();
    /// assert!(cart.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if the caller could not be resolved.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.resolve().await?;
        let state = self.state();
        let text = match state.deeds().patches.get(name) {
            Some(patch) => patch.as_deref(),
            None => state.live.as_ref().and_then(|live| live.record.data.get(name)),
        };
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    /// Keeps a value in this session, replacing one of the same name.
    ///
    /// The value is written to the store when the handler has answered, unless with a 5xx. Set later (in a streamed body,
    /// a task, a socket), it is written at once. Values of other names that parallel requests write stay. An anonymous
    /// visitor has no session to keep values in.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// let mut cart: Vec<u64> = session.get("cart").await?.unwrap_or_default();
    /// cart.push(4711);
    /// session.insert("cart", &cart).await?;
    /// # assert_eq!(session.get("cart").await?, Some(vec![4711_u64]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session, the value is not JSON, or the values would take more than
    /// [`SessionData::MAX_LEN`] bytes.
    pub async fn insert<T: Serialize + Sync>(&self, name: &str, value: &T) -> Result<(), SessionError> {
        self.resolve().await?;
        let text = serde_json::to_string(value).map_err(|_| SessionErrorKind::InvalidValue)?;
        self.patch(name, Some(text.into()))?;
        self.save_late().await
    }

    /// Removes a value from this session.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/site.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let session = Site::new().await.request_of_alice().await;
    /// session.insert("notice", &"Your order was placed.").await?;
    ///
    /// // On the next page:
    /// let notice: Option<String> = session.get("notice").await?;
    /// session.remove("notice").await?;
    /// # assert!(notice.is_some() && session.get::<String>("notice").await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] if there is no session.
    pub async fn remove(&self, name: &str) -> Result<(), SessionError> {
        self.resolve().await?;
        self.patch(name, None)?;
        self.save_late().await
    }

    /// Writes at once where the handle has outlived its request, in a streamed body, a task or a socket.
    async fn save_late(&self) -> Result<(), SessionError> {
        if self.is_closed() { self.write_patches().await } else { Ok(()) }
    }

    fn patch(&self, name: &str, value: Option<Box<str>>) -> Result<(), SessionError> {
        let mut state = self.state();
        let Some(live) = &state.live else { return Err(SessionErrorKind::NoSession.into()) };
        let mut data = live.record.data.clone();
        let mut patches = state.deeds().patches.clone();
        patches.insert(name.into(), value);
        data.apply(&patches);
        if data.len() > SessionData::MAX_LEN {
            return Err(SessionErrorKind::InvalidValue.into());
        }
        state.deeds_mut().patches = patches;
        Ok(())
    }

    /// Writes the values that the handler changed, and gives the session a new id if one is due. The adapter calls it
    /// when the handler has answered `status`.
    pub(crate) async fn save(&self, status: u16) -> Result<(), SessionError> {
        if status >= 500 {
            self.take_patches();
            self.give_up_renewal();
            return Ok(());
        }
        let written = self.write_patches().await;
        if written.is_err() {
            self.give_up_renewal();
            self.take_back();
        }
        written?;
        // Only now: a client that went away during the write would never get the new id.
        let renewal = self.state().done().and_then(|deeds| deeds.renewal.take());
        match renewal {
            Some(renewal) => self.renew(*renewal).await,
            None => Ok(()),
        }
    }

    fn take_patches(&self) -> Patches {
        self.state().done().map(|deeds| std::mem::take(&mut deeds.patches)).unwrap_or_default()
    }

    async fn write_patches(&self) -> Result<(), SessionError> {
        let patches = self.take_patches();
        if patches.is_empty() { Ok(()) } else { self.write(patches).await }
    }

    /// Leaves the session the id that it has.
    pub(crate) fn give_up_renewal(&self) {
        if let Some(deeds) = self.state().done() {
            deeds.renewal = None;
        }
    }

    async fn write(&self, patches: Patches) -> Result<(), SessionError> {
        let live = self.current().await?;
        let saved = self.sessions()?.save(live, patches, self.facts()).await?;
        let mut state = self.state();
        let is_gone = saved.is_none();
        state.live = saved;
        if is_gone {
            // The session ended during this request, which has no caller from here on.
            state.access = None;
            state.deeds_mut().cookie = CookieEffect::Keep;
            return Err(SessionErrorKind::Gone.into());
        }
        Ok(())
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), SessionError> {
        // The handler may have rotated the session, or logged in or out.
        let live = self.state().live.clone().filter(|live| live.key == renewal.key);
        let Some(live) = live else { return Ok(()) };
        if let Some(begun) = self.sessions()?.renew(live, renewal, self.facts()).await {
            self.hand_out(begun);
        }
        Ok(())
    }

    /// Undoes a login of this request, which is answered with an error after all. A session that got a new id keeps it: the
    /// old id no longer works.
    fn take_back(&self) {
        let undone = {
            let mut state = self.state();
            let undone = state.deeds_mut().undelivered.take();
            if undone.is_some() {
                (state.access, state.live, state.pending) = (None, None, None);
                state.deeds_mut().cookie = CookieEffect::Keep;
            }
            undone
        };
        drop(undone);
    }
}
