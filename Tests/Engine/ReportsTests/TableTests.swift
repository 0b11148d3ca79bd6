// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

@testable import Reports

@Suite struct TableTests {
    private static func record(_ result: EndpointResult, diagnosis: String? = nil) -> EndpointRecord {
        EndpointRecord(run: Fixture.record().id, result: result, diagnosis: diagnosis)
    }

    @Test func `every line of the endpoints has a field for each heading`() {
        let headings = CSVTables.endpointHeading.split(separator: ",").count
        for result in Fixture.usual {
            let row = CSVTables.row(Self.record(result))
            #expect(row.split(separator: ",", omittingEmptySubsequences: false).count == headings, "\(row)")
            #expect(row.hasSuffix("\r\n"))
        }
    }

    @Test func `what was measured stands there, and what was not is empty`() {
        #expect(
            CSVTables.row(Self.record(Fixture.caller(0)))
                == "0,callers,user0,SUCCESS,,CLOSED,,2,200,OK,12,,,1,1,200,OK,40,50,1450,,PCMA,75,74,1,1.333,1.25,,4.4\r\n"
        )
        #expect(
            CSVTables.row(Self.record(Fixture.refused(3), diagnosis: "wrong_credentials"))
                == "3,callers,user3,REGISTRATION_FAILED,wrong_credentials,CLOSED,,2,401,Unauthorized,,,,0,0,,,,,,,,,,,,,,\r\n"
        )
    }

    @Test func `a username that a spreadsheet would run as a formula stays text`() {
        let row = CSVTables.row(Self.record(Fixture.refused(3, username: "=cmd|' /C calc'!A0")))
        #expect(row.hasPrefix("3,callers,'=cmd|' /C calc'!A0,"))
        #expect(CSVTables.row(Self.record(Fixture.refused(3, username: "+4930123"))).hasPrefix("3,callers,+4930123,"))
    }

    @Test func `a second is a line of counts`() {
        #expect(CSVTables.row(Fixture.windows[1]) == "1,0,0,0,3,2,2,0,1,2,0,0,5\r\n")
        #expect(
            CSVTables.windowHeading.split(separator: ",").count
                == CSVTables.row(Fixture.windows[1]).split(separator: ",").count)
    }

    /// The heading that SIPp 3.6.1 writes for its uac scenario.
    private static let heading =
        "StartTime;LastResetTime;CurrentTime;ElapsedTime(P);ElapsedTime(C);TargetRate;CallRate(P);CallRate(C);IncomingCall(P);"
        + "IncomingCall(C);OutgoingCall(P);OutgoingCall(C);TotalCallCreated;CurrentCall;SuccessfulCall(P);SuccessfulCall(C);"
        + "FailedCall(P);FailedCall(C);FailedCannotSendMessage(P);FailedCannotSendMessage(C);FailedMaxUDPRetrans(P);"
        + "FailedMaxUDPRetrans(C);FailedTcpConnect(P);FailedTcpConnect(C);FailedTcpClosed(P);FailedTcpClosed(C);"
        + "FailedUnexpectedMessage(P);FailedUnexpectedMessage(C);FailedCallRejected(P);FailedCallRejected(C);"
        + "FailedCmdNotSent(P);FailedCmdNotSent(C);FailedRegexpDoesntMatch(P);FailedRegexpDoesntMatch(C);"
        + "FailedRegexpShouldntMatch(P);FailedRegexpShouldntMatch(C);FailedRegexpHdrNotFound(P);FailedRegexpHdrNotFound(C);"
        + "FailedOutboundCongestion(P);FailedOutboundCongestion(C);FailedTimeoutOnRecv(P);FailedTimeoutOnRecv(C);"
        + "FailedTimeoutOnSend(P);FailedTimeoutOnSend(C);FailedTestDoesntMatch(P);FailedTestDoesntMatch(C);"
        + "FailedTestShouldntMatch(P);FailedTestShouldntMatch(C);FailedStrcmpDoesntMatch(P);FailedStrcmpDoesntMatch(C);"
        + "FailedStrcmpShouldntMatch(P);FailedStrcmpShouldntMatch(C);OutOfCallMsgs(P);OutOfCallMsgs(C);DeadCallMsgs(P);"
        + "DeadCallMsgs(C);Retransmissions(P);Retransmissions(C);AutoAnswered(P);AutoAnswered(C);Warnings(P);Warnings(C);"
        + "FatalErrors(P);FatalErrors(C);WatchdogMajor(P);WatchdogMajor(C);WatchdogMinor(P);WatchdogMinor(C);ResponseTime1(P);"
        + "ResponseTime1(C);ResponseTime1StDev(P);ResponseTime1StDev(C);CallLength(P);CallLength(C);CallLengthStDev(P);"
        + "CallLengthStDev(C);ResponseTimeRepartition1;ResponseTimeRepartition1_<10;ResponseTimeRepartition1_<20;"
        + "ResponseTimeRepartition1_<30;ResponseTimeRepartition1_<40;ResponseTimeRepartition1_<50;"
        + "ResponseTimeRepartition1_<100;ResponseTimeRepartition1_<150;ResponseTimeRepartition1_<200;"
        + "ResponseTimeRepartition1_>=200;CallLengthRepartition;CallLengthRepartition_<10;CallLengthRepartition_<50;"
        + "CallLengthRepartition_<100;CallLengthRepartition_<500;CallLengthRepartition_<1000;CallLengthRepartition_<5000;"
        + "CallLengthRepartition_<10000;CallLengthRepartition_>=10000;"

    @Test func `the statistics file has SIPp's heading, and a row for each second with its figures`() throws {
        let lines = SIPpStatistics.text(try Fixture.report()).split(separator: "\n").map(String.init)
        #expect(lines.count == 4)
        #expect(lines[0] == Self.heading)
        let names = Self.heading.split(separator: ";").map(String.init)
        let rows = lines.dropFirst().map { line in
            Dictionary(
                uniqueKeysWithValues: zip(
                    names, line.split(separator: ";", omittingEmptySubsequences: false).map(String.init)))
        }
        for line in lines.dropFirst() {
            #expect(line.split(separator: ";", omittingEmptySubsequences: false).count == names.count + 1)
        }
        #expect(rows.map { $0["OutgoingCall(C)"] } == ["1", "3", "3"])
        #expect(rows.map { $0["SuccessfulCall(C)"] } == ["0", "1", "3"])
        #expect(rows.map { $0["CurrentCall"] } == ["1", "2", "0"])
        #expect(rows.map { $0["Retransmissions(P)"] } == ["0", "5", "0"])
        #expect(rows.map { $0["ResponseTime1(P)"] } == ["00:00:00:050000", "00:00:00:110000", "00:00:00:000000"])
        #expect(rows[2]["ResponseTime1(C)"] == "00:00:00:090000")
        #expect(rows[2]["CallLength(C)"] == "00:00:01:500000")
        #expect(rows[2]["ResponseTimeRepartition1_<150"] == "1")
        #expect(rows[2]["CallLengthRepartition_<5000"] == "3")
        #expect(rows[0]["StartTime"] == "2026-11-23\t06:57:44.437142\t1795417064.437142")
        #expect(rows.map { $0["ElapsedTime(C)"] } == ["00:00:01", "00:00:02", "00:00:03"])
    }
}
