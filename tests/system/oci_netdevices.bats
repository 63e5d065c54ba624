#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Interfaces of the host that go to a container: ends of veth pairs of the test's own.

load helper
setup() {
        begin
        LINK=d$$x$BATS_TEST_NUMBER
        SPACE=$BATS_TEST_TMPDIR/$WORD/space
        ip link add "$LINK" type veth peer name "$LINK.p" 2>/dev/null || skip "no veth pairs here"
        script 'sleep 1000'
}
teardown() {
        umount "$SPACE" 2>/dev/null || true
        finish
        ip link del "$LINK.p" 2>/dev/null || true
}

# The container's network, as the host's ip(8) sees it from inside.
net() {
        nsenter --net="/proc/$(pid_of "$WORD")/ns/net" ip "$@"
}

# A network namespace that has a name; not by ip-netns(8), which leaves a mount on /run/netns.
make_space() {
        : >"$SPACE" && unshare --net="$SPACE" true || skip "no named network namespaces here"
}
in_space() {
        nsenter --net="$SPACE" "$@"
}

up() {
        oci run --detach --bundle "$BUNDLE" "$WORD" >/dev/null 2>&1
}

@test "an interface moves with its addresses and is up; the host has it no more" {
        ip link set "$LINK" address 02:00:00:00:00:07 mtu 1400 up
        ip address add 192.0.2.1/24 broadcast 192.0.2.255 dev "$LINK"
        ip address add 192.0.2.2/24 dev "$LINK"
        ip address add 198.51.100.1 peer 198.51.100.2/32 dev "$LINK"
        ip address add 203.0.113.9/24 scope 253 dev "$LINK"
        ip address add 203.0.113.8/28 valid_lft 1000 preferred_lft 1000 dev "$LINK"
        [ -d /proc/sys/net/ipv6 ] && ip -6 address add 2001:db8::1/64 nodad dev "$LINK"
        config --arg link "$LINK" '.linux.netDevices = {($link): {}}'
        up
        ! ip link show "$LINK" 2>/dev/null
        [ "$(net -json link show "$LINK" | jq -r '.[0] | "\(.address) \(.mtu) \(.flags | index("UP") != null)"')" = "02:00:00:00:00:07 1400 true" ]
        # permanent and global: not the one of link scope, not the one with a lifetime
        [ "$(net -4 -json address show "$LINK" | jq -r '[.[0].addr_info[] | select(.family == "inet") | "\(.local)/\(.prefixlen) \(.address // "-") \(.broadcast // "-")"] | sort | join(",")')" = \
                "192.0.2.1/24 - 192.0.2.255,192.0.2.2/24 - -,198.51.100.1/32 198.51.100.2 -" ]
        if [ -d /proc/sys/net/ipv6 ]; then
                net -6 -json address show "$LINK" | jq -e '.[0].addr_info[] | select(.local == "2001:db8::1" and .prefixlen == 64)'
        fi
}

@test "a new name, and one that the kernel completes" {
        ip link add "$LINK.b" type veth peer name "$LINK.c"
        config --arg link "$LINK" '.linux.netDevices = {($link): {"name": "lan0"}, ($link + ".b"): {"name": "lan%d"}}'
        up
        [ "$(net -json link | jq -r '[.[].ifname] | sort | join(" ")')" = "lan0 lan1 lo" ]
        [ "$(net -json link | jq -r '[.[] | select(.flags | index("UP")) | .ifname] | sort | join(" ")')" = "lan0 lan1 lo" ]
        # with the namespace the pair ends
        oci delete --force "$WORD"
        gone_link() { ! ip link show "$LINK.c" 2>/dev/null; }
        eventually 10 gone_link
}

@test "into a namespace that is joined; a name that is taken there is an error" {
        make_space
        ip address add 192.0.2.1/24 dev "$LINK"
        in_space ip link add taken type veth peer name other
        config --arg link "$LINK" --arg ns "$SPACE" '.linux.netDevices = {($link): {"name": "taken"}} |
                .linux.namespaces |= map(if .type == "network" then .path = $ns else . end)'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/linux/netDevices/$LINK"*"an interface taken already"* ]]
        ip -json address show "$LINK" | jq -e '.[0].addr_info[] | select(.local == "192.0.2.1")'
        config --arg link "$LINK" '.linux.netDevices = {($link): {"name": "lan7"}}'
        up
        in_space ip link show lan7
        # it is the namespace's, not the container's
        oci delete --force "$WORD"
        in_space ip link show lan7
}

@test "an interface that is not there is an error, and nothing is left" {
        config '.linux.netDevices = {"nowhere0": {}}'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"/linux/netDevices/nowhere0"*"no network interface nowhere0"* ]]
}

@test "a start that fails half-way gives the interface back" {
        [ -d /proc/sys/net/ipv6 ] || skip "no IPv6"
        make_space
        in_space sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        ip link set "$LINK" up
        ip -6 address add 2001:db8::1/64 nodad dev "$LINK"
        # where IPv6 is switched off the address cannot be set again
        config --arg link "$LINK" --arg ns "$SPACE" '.linux.netDevices = {($link): {"name": "lan7"}} |
                .linux.namespaces |= map(if .type == "network" then .path = $ns else . end)'
        run --separate-stderr oci run --bundle "$BUNDLE" "$WORD"
        refused
        [[ $stderr == *"its addresses again"* ]]
        ip -json address show "$LINK" | jq -e '.[0] | (.flags | index("UP")) and (.addr_info[] | select(.local == "2001:db8::1"))'
        ! in_space ip link show lan7 2>/dev/null
}
