//! What both servers of this example share: the chain, the command line and the one page.
//!
//! Staff are in an LDAP directory. Whoever is not, has an account in the site's own table. The page says which of the
//! two vouched for its visitor, and what that brought.

mod chain;
mod options;
mod page;

pub use chain::{Login, auth};
pub use options::Options;
pub use page::page;
