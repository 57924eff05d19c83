//! An example directory to try things with: the one of the tests. `scripts/directory` starts it.

use test_servers::OpenLdap;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut port = |or| arguments.next().map_or(or, |port| port.parse().expect("ports are numbers"));
    let (port, tls_port) = (port(3389), port(3636));
    let folder = arguments.next().unwrap_or_else(|| "target/directory".into());
    // It gives a search 100 entries, and all of them to who asks by pages.
    let directory = OpenLdap::new().with("sizelimit", "size.prtotal=unlimited");
    let directory = directory.on_ports(port, tls_port).in_folder(folder).start();
    let (url, tls_url) = (directory.url(), directory.tls_url());
    let folder = directory.folder().display();
    println!(
        "An OpenLDAP directory is ready, until Ctrl-C.

  {url} (StartTLS) and {tls_url}
  its authority   {folder}/authority.pem
  its log         {folder}/server.log
  people          alice / alicepw in staff and admins, bob / bobpw in staff
  and others      locked / lockedpw, mustchange / mustchangepw, expired / expiredpw, u000 / u000pw ... u199 / u199pw
  to search       {service} / {service_password}

LDAPTLS_CACERT={folder}/authority.pem ldapsearch -x -LLL -H {tls_url} \\
    -D {service} -w {service_password} -b {base} '(uid=alice)' mail memberOf",
        base = OpenLdap::BASE,
        service = OpenLdap::SERVICE,
        service_password = OpenLdap::SERVICE_PASSWORD,
    );
    // Whatever ends this process ends the directory, and removes its folder.
    loop {
        std::thread::park();
    }
}
