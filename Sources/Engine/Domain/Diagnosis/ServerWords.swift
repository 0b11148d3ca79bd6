// SPDX-License-Identifier: Apache-2.0

/// Where to look and what to change, in the words of the product that answered. Facts of the products as they come.
enum ServerWords {
    /// The sentence that follows the plain remedy; nil where the product is not known or has no words of its own for the cause.
    static func remedy(_ cause: DiagnosisCause, on family: ServerFamily) -> String? {
        guard let name = family.name, let words = table[cause]?[family] else { return nil }
        return "\(name): \(words)"
    }

    /// Causes with products in their words.
    static let table: [DiagnosisCause: [ServerFamily: String]] = [
        .wrongCredentials: [
            .asterisk:
                "username and password stand in the [auth] section of pjsip.conf that the endpoint names in auth=; 'pjsip show "
                + "auth NAME' shows what is loaded, 'pjsip set logger on' the requests. An unknown endpoint is answered 401 too.",
            .freeswitch:
                "the password is the param of that name in the user's XML of the directory; after a change 'reloadxml'. 'sofia "
                + "global siptrace on' shows the requests.",
            .kamailio:
                "the password is in the table subscriber, as text or as ha1, which holds the realm too: after a change of realm it "
                + "must be made anew; 'kamctl passwd USER PASSWORD' does that.",
            .opensips:
                "the password is in the table subscriber, as text or as ha1, which holds the realm too; 'opensips-cli -x user "
                + "password USER' changes it.",
        ],
        .realmMismatch: [
            .asterisk: "the realm is 'realm' of the [auth] section, or default_realm of [global] in pjsip.conf.",
            .freeswitch: "the realm is challenge-realm of the sofia profile.",
            .kamailio:
                "the realm is the first argument of www_authorize, auth_check and their challenges in kamailio.cfg.",
            .opensips: "the realm is the first argument of www_authorize and www_challenge in opensips.cfg.",
        ],
        .unsupportedAuthentication: [
            .asterisk: "algorithms are password_digest and supported_algorithms_uas of pjsip.conf.",
            .kamailio: "modparam(\"auth\", \"algorithm\", …) names the algorithm.",
        ],
        .authenticationCircle: [
            .kamailio:
                "give all instances the same modparam(\"auth\", \"secret\", \"…\"), or let the dispatcher send a user always to "
                + "the same one.",
            .opensips: "give all instances the same modparam(\"auth\", \"secret\", \"…\").",
            .asterisk:
                "nonces live 32 s and are known only to the instance that made them: pin each user to one instance.",
            .freeswitch:
                "nonces are kept in each instance's database: pin each user to one instance, or share the database.",
        ],
        .authenticationRateLimited: [
            .asterisk:
                "look for fail2ban and for a rate limit of the packet filter; 'core show taskprocessors' shows queues that are full.",
            .freeswitch:
                "look at sessions-per-second and at fail2ban (mod_fail2ban); 'sofia status profile NAME' counts failed registrations.",
            .kamailio:
                "look in kamailio.cfg for a htable that counts requests or failed attempts by address or user (autoexpire is its "
                + "window), and for the modules ratelimit and pipelimit; 'kamcmd htable.dump NAME' shows the counters.",
            .opensips: "look for the modules ratelimit and pike and for counters in cachedb in opensips.cfg.",
        ],
        .requestsDropped: [
            .kamailio:
                "the module pike does this: modparam(\"pike\", \"reqs_density_per_unit\", …) and sampling_time_unit set the rate, "
                + "remove_latency how long it lasts; 'kamcmd pike.list' shows who is blocked. Leave this address out of pike_check_req.",
            .opensips:
                "the module pike does this (reqs_density_per_unit, remove_latency); 'opensips-cli -x mi pike_list' shows who is blocked.",
            .asterisk:
                "Asterisk itself has no such limit: look for fail2ban ('fail2ban-client status asterisk') and the packet filter.",
            .freeswitch:
                "look for fail2ban and the packet filter, and at the auto-nat and acl settings of the sofia profile.",
        ],
        .noncesInvalidated: [
            .kamailio:
                "without modparam(\"auth\", \"secret\", …) each start makes a new secret; 'kamcmd core.uptime' tells when it began.",
            .opensips:
                "without modparam(\"auth\", \"secret\", …) each start makes a new secret; 'opensips-cli -x mi uptime' tells when it began.",
            .asterisk: "'core show uptime' tells when it began.",
            .freeswitch:
                "'status' on its console tells when it began; nonce-ttl of the sofia profile is how long nonces live.",
        ],
        .registrationForbidden: [
            .asterisk:
                "look at [acl] sections and permit/deny of pjsip.conf and acl.conf, and whether the endpoint names an [aor] section in aors=.",
            .freeswitch:
                "look at apply-register-acl of the sofia profile and at acl.conf.xml; 'reloadacl' takes changes over.",
            .kamailio:
                "look for the module permissions (allow_source_address, tables address and trusted: 'kamctl address show') and for "
                + "check_to or a 403 in route[AUTH] of kamailio.cfg.",
            .opensips:
                "look for the module permissions (check_source_address, table address) and for db_check_to in opensips.cfg.",
        ],
        .tooManyContacts: [
            .asterisk:
                "max_contacts of the [aor] section in pjsip.conf is how many there may be (0, the default, allows none); with "
                + "remove_existing=yes a new one takes the place of the oldest. 'pjsip show aor NAME' lists them.",
            .freeswitch:
                "max-registrations-per-extension of the sofia profile is the limit; 'sofia status profile NAME reg' lists them.",
            .kamailio:
                "modparam(\"registrar\", \"max_contacts\", …) is the limit; 'kamctl ul show USER' lists them, 'kamctl ul rm USER' removes them.",
            .opensips:
                "max_contacts of the module registrar, or the flags of save(), is the limit; 'opensips-cli -x mi ul_show_contact location USER' lists them.",
        ],
        .unknownUser: [
            .asterisk:
                "no [aor] section has this name: the user of To must be the name of an aor; 'pjsip show aors' lists them.",
            .freeswitch: "no user of this name is in the directory of that domain; 'user_exists id USER DOMAIN' asks.",
            .kamailio:
                "the user is not in the table subscriber, or the domain is none of its own ('kamctl domain show'); 'kamctl add USER PASSWORD' adds one.",
            .opensips: "the user is not in the table subscriber, or the domain is none of its own.",
        ],
        .expiryTooBrief: [
            .asterisk: "minimum_expiration of the [aor] section sets it.",
            .freeswitch: "sip-force-expires of the user in the directory sets it.",
            .kamailio: "modparam(\"registrar\", \"min_expires\", …) sets it.",
            .opensips: "modparam(\"registrar\", \"min_expires\", …) sets it.",
        ],
        .serverBusy: [
            .asterisk:
                "'core show taskprocessors' shows queues above their high water; then it answers late or not at all.",
            .freeswitch:
                "'status' shows sessions per second and how busy it is; 'sofia status profile NAME' its queues.",
            .kamailio:
                "more children, shared memory (-m) or a database that answers sooner; 'kamctl stats' shows errors.",
            .opensips:
                "more udp_workers, shared memory or a database that answers sooner; 'opensips-cli -x mi get_statistics load:' shows its load.",
        ],
        .refreshRefused: [
            .asterisk: "'pjsip set logger on' shows the refresh; 'pjsip show aor NAME' what is bound.",
            .freeswitch: "'sofia global siptrace on' shows the refresh; 'sofia status profile NAME reg' what is bound.",
            .kamailio:
                "'kamctl ul show USER' shows what is bound; look at what kamailio.cfg does with a second REGISTER.",
            .opensips: "'opensips-cli -x mi ul_show_contact location USER' shows what is bound.",
        ],
        .accountInUse: [
            .asterisk:
                "'pjsip show aor NAME' lists the contacts; max_contacts=1 and remove_existing=yes let the last one win.",
            .freeswitch:
                "'sofia status profile NAME reg' lists the contacts; 'sofia profile NAME flush_inbound_reg USER@DOMAIN' removes them.",
            .kamailio: "'kamctl ul show USER' lists the contacts, 'kamctl ul rm USER' removes them.",
            .opensips:
                "'opensips-cli -x mi ul_show_contact location USER' lists the contacts, 'ul_rm location USER' removes them.",
        ],
        .serverStopped: [
            .asterisk: "'core show uptime', /var/log/asterisk/full, and 'core show taskprocessors'.",
            .freeswitch: "'sofia status' and its log tell whether the profile runs.",
            .kamailio: "'kamcmd core.ps' and its log in the system's journal tell whether all processes live.",
            .opensips: "'opensips-cli -x mi ps' and its log tell whether all processes live.",
        ],
        .serverRestarted: [
            .asterisk:
                "'core show uptime' tells when it began; registrations outlast a restart in its database (astdb), calls do not.",
            .freeswitch:
                "'status' tells when it began; track-calls and the core database let registrations outlast it.",
            .kamailio:
                "'kamcmd core.uptime' tells when it began; modparam(\"usrloc\", \"db_mode\", 1 or 2) lets bindings outlast it, a fixed auth secret nonces.",
            .opensips:
                "'opensips-cli -x mi uptime' tells when it began; usrloc's restart_persistency lets bindings outlast it.",
        ],
        .noAnswer: [
            .asterisk: "'pjsip show transports' shows where it listens, 'pjsip set logger on' what arrives.",
            .freeswitch: "'sofia status' shows where its profiles listen, 'sofia global siptrace on' what arrives.",
            .kamailio: "'kamcmd core.sockets_list' shows where it listens.",
        ],
        .pathLost: [
            .asterisk:
                "rtp_symmetric, force_rport and rewrite_contact of the endpoint, qualify_frequency of the aor (its keep-alive), external_signaling_address of the transport.",
            .freeswitch: "NDLB-force-rport, apply-nat-acl, nat-options-ping and ext-sip-ip of the sofia profile.",
            .kamailio:
                "the module nathelper: fix_nated_register, natping_interval and sipping_bflag; force_rport for the answers.",
            .opensips: "the module nathelper: fix_nated_register, natping_interval; force_rport for the answers.",
        ],
        .callCredentials: [
            .asterisk:
                "the call is authenticated by the auth= of the endpoint that its From names; 'pjsip show endpoint NAME' shows it.",
            .freeswitch: "auth-calls of the sofia profile asks for it, with the same password of the directory.",
            .kamailio:
                "proxy_authorize checks From against the credentials: the users must be the same, or named in the table uri.",
            .opensips: "proxy_authorize checks the credentials, db_check_from their user.",
        ],
        .callRefused: [
            .asterisk:
                "the context of the endpoint must have an extension that fits: 'dialplan show NUMBER@CONTEXT', 'core set verbose 5'.",
            .freeswitch:
                "the dialplan of the user_context must have an extension that fits: 'fs_cli -l debug' shows which conditions failed.",
            .kamailio:
                "lookup(\"location\") or the routes of kamailio.cfg refused it: 'kamctl ul show USER' shows whether the callee is there.",
            .opensips: "lookup(\"location\") or the routes of opensips.cfg refused it.",
        ],
        .callOverload: [
            .asterisk:
                "maxcalls and maxload of asterisk.conf, device_state_busy_at and the trunk's channels limit calls; 'core show channels count'.",
            .freeswitch:
                "max-sessions and sessions-per-second of switch.conf.xml limit calls; 'fsctl max_sessions' changes it at once.",
            .kamailio:
                "the modules dialog (profiles), ratelimit and pipelimit limit calls; dispatcher answers so when no destination is left ('kamcmd dispatcher.list').",
            .opensips: "the modules dialog (profiles), ratelimit and load_balancer limit calls.",
        ],
        .calleeBusy: [
            .asterisk: "device_state_busy_at of the callee's endpoint, or the dial plan, says busy.",
            .freeswitch: "limit in the dialplan, or the callee itself, says busy.",
        ],
        .calleeUnavailable: [
            .asterisk:
                "'pjsip show contacts' shows whether the callee is there (Avail, Unavail): qualify_frequency marks it.",
            .freeswitch: "'sofia status profile NAME reg' shows whether the callee is there.",
            .kamailio:
                "'kamctl ul show USER' shows whether the callee is there; fr_timer and fr_inv_timer of tm are how long it waits.",
            .opensips: "'opensips-cli -x mi ul_show_contact location USER' shows whether the callee is there.",
        ],
        .locationLost: [
            .asterisk:
                "'pjsip show contacts' shows who is there; a reload of pjsip.conf with other aors removes contacts.",
            .freeswitch: "'sofia status profile NAME reg' shows who is there; flush_inbound_reg empties it.",
            .kamailio:
                "'kamctl ul show' shows who is there; a restart without usrloc's db_mode, or 'kamctl ul' commands, empties it.",
            .opensips: "'opensips-cli -x mi ul_dump' shows who is there; a restart without persistency empties it.",
        ],
        .mediaRefused: [
            .asterisk: "allow= of the endpoint lists its codecs; media_encryption must fit too.",
            .freeswitch:
                "inbound-codec-prefs of the sofia profile lists its codecs; 'INCOMPATIBLE_DESTINATION' in the log is this.",
            .kamailio: "it passes offers on: the callee or rtpengine refused.",
        ],
        .noAudio: [
            .asterisk:
                "rtp_symmetric, direct_media=no and external_media_address of pjsip.conf; rtp.conf has the ports to open. 'rtp set debug on'.",
            .freeswitch: "ext-rtp-ip, and the ports of switch.conf.xml to open.",
            .kamailio: "rtpengine or rtpproxy must be offered and answered for both legs; 'rtpengine-ctl list totals'.",
            .opensips: "rtpengine or rtpproxy must be offered and answered for both legs.",
        ],
    ]
}
