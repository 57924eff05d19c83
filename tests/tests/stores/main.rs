//! What a site promises whichever store its sessions are in, as clients see it: on a crowd in one session, on a client
//! that begins one after the other, on many logins at once, and on logouts that meet a rotation.
#![allow(missing_docs)]

mod crowd;
mod endings;
mod guessing;
mod limits;
mod place;
