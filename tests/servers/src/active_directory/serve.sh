# Starts Samba in the current folder, for the ports $1 (ldap) and $2 (ldaps) of 127.0.0.1.
#
# Samba's own ports are fixed, so it gets a network of its own, where they are free. Connections are carried there by
# way of sockets in the folder. Who cannot listen, because a port is taken, ends the server: others are tried then.
listen() {
    socat "TCP-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" "UNIX-CONNECT:$2"
    kill $$
}
listen "$1" ldap &
listen "$2" ldaps &
exec unshare --net sh -c '
    ip link set lo up
    socat UNIX-LISTEN:ldap,fork,unlink-early TCP:127.0.0.1:389 &
    socat UNIX-LISTEN:ldaps,fork,unlink-early TCP:127.0.0.1:636 &
    {
        until socat -u OPEN:/dev/null TCP:127.0.0.1:636 2> /dev/null; do sleep 0.05; done
        echo "connections pass"
    } &
    # One process, which is suspended as a whole, and nothing but the directory.
    exec samba --foreground --no-process-group --debug-stdout --model=single --configfile=etc/smb.conf \
        --option="server services=ldap" --option="pid directory=$PWD" --option="ncalrpc dir=$PWD/ncalrpc" \
        --option="tls cafile=$PWD/authority.pem" --option="tls certfile=$PWD/certificate.pem" \
        --option="tls keyfile=$PWD/key.pem"
'
