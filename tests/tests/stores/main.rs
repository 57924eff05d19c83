//! What a site promises whichever store its sessions are in, as clients see it: on a crowd in one session, on a client
//! that begins one after the other, and on many logins at once.
#![allow(missing_docs)]

mod crowd;
mod limits;
mod place;
