using Lguest.Jit.Core.Execution;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class AsyncRingTests
{
    [Fact]
    public void Queued_calls_run_in_order_before_the_synchronous_one_and_are_marked_done()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.Ts, 1);
        rig.Queue(1, HypercallNumbers.SetStack, 0x61, 0x9000, 0);
        rig.Queue(2, HypercallNumbers.SetStack, 0x69, 0x8000, 0);
        rig.Call(HypercallNumbers.Ts, 2);
        Assert.Null(rig.Machine.KillReason);
        Assert.Equal(2u, rig.Cpu->Ts);
        Assert.Equal(0x69u, rig.Cpu->Ss1);
        Assert.All([0, 1, 2, 3], slot => Assert.Equal(AsyncRing.Done, rig.RingStatus(slot)));
    }

    [Fact]
    public void The_ring_waits_for_a_hypercall_and_for_nothing_else()
    {
        using Rig rig = new Rig().Initialised();
        rig.IrqEnabled = 0x200;
        rig.LoadGate(32, 0x00105678);
        rig.LoadGate(6, 0x00105678);
        rig.Queue(0, HypercallNumbers.Ts, 1);
        rig.Interrupts.SetInterrupt(0);
        rig.Run(Rig.Fault(6), Rig.Leave(ExitReason.Attention), Rig.Leave(ExitReason.DeviceAccess));
        Assert.Equal(0u, rig.Cpu->Ts);
        Assert.Equal(0, rig.RingStatus(0));
    }

    [Fact]
    public void The_cursor_goes_on_where_it_stopped_and_wraps()
    {
        using Rig rig = new Rig().Initialised();
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 60; i++)
            {
                rig.Queue((round * 60 + i) % 64, HypercallNumbers.SetStack, 0x69, (uint)(round * 1000 + i), 0);
            }

            rig.Call(HypercallNumbers.FlushAsync);
            Assert.Equal((uint)(round * 1000 + 59), rig.Cpu->Esp1);
            Assert.All(Enumerable.Range(0, 64), slot => Assert.Equal(AsyncRing.Done, rig.RingStatus(slot)));
        }
    }

    [Fact]
    public void A_full_ring_is_emptied_once_round()
    {
        using Rig rig = new Rig().Initialised();
        for (int i = 0; i < 64; i++)
        {
            rig.Queue(i, HypercallNumbers.Ts, (uint)i + 1);
        }

        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(64u, rig.Cpu->Ts);
        Assert.Equal(64, rig.Statistics.QueuedHypercallsByNumber[HypercallNumbers.Ts]);

        // After a full round the cursor stands at slot 0 again.
        rig.Queue(0, HypercallNumbers.Ts, 99);
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(99u, rig.Cpu->Ts);
    }

    [Fact]
    public void A_gap_stops_the_ring()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(1, HypercallNumbers.Ts, 1);
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(0u, rig.Cpu->Ts);
        Assert.Equal(0, rig.RingStatus(1));
        rig.Queue(0, HypercallNumbers.FlushAsync);
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(1u, rig.Cpu->Ts);
    }

    [Fact]
    public void Any_status_but_ff_is_a_call()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.Ts, 7);
        Assert.True(rig.Machine.Ram.TryWrite(Rig.DataAt + LguestData.HcallStatus, [0x55]));
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(7u, rig.Cpu->Ts);
    }

    [Fact]
    public void The_status_bytes_are_a_snapshot_so_a_call_that_appears_meanwhile_waits()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.Ts, 1);

        // The write of "done" into slot 0 is where the outside world gets its chance.
        rig.Machine.Ram.WriteObserver = new WhenWritten(Rig.DataAt + LguestData.HcallStatus, () => rig.Queue(1, HypercallNumbers.Ts, 2));
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(1u, rig.Cpu->Ts);
        Assert.Equal(0, rig.RingStatus(1));
        rig.Machine.Ram.WriteObserver = null;
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal(2u, rig.Cpu->Ts);
    }

    [Fact]
    public void A_queued_new_pgtable_takes_effect_at_the_flush_and_before_the_call_that_flushed()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        const uint Other = 0x00310000;
        rig.Queue(0, HypercallNumbers.NewPgtable, Other);
        Assert.Equal(Rig.PageDirectory, rig.Machine.Mmu.PageDirectory);
        rig.Call(HypercallNumbers.SetStack, 0x69, 0x8000, 1);
        Assert.Equal(Other, rig.Machine.Mmu.PageDirectory);

        // The synchronous SET_STACK already saw the new, empty directory.
        Assert.Equal("bad stack page 0x7fff", rig.Machine.KillReason);
    }

    [Fact]
    public void A_queued_call_that_kills_is_the_last()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, 99);
        rig.Queue(1, HypercallNumbers.Ts, 1);
        rig.Call(HypercallNumbers.Ts, 2);
        Assert.Equal("Bad hypercall 99", rig.Machine.KillReason);
        Assert.Equal(0u, rig.Cpu->Ts);
    }

    [Fact]
    public void A_queued_init_kills()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.LguestInit, Rig.DataAt);
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal("already have lguest_data", rig.Machine.KillReason);
    }

    [Fact]
    public void A_queued_shutdown_ends_the_guest()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.Shutdown, 0, HypercallNumbers.ShutdownRestart);
        rig.Call(99);
        Assert.Equal(GuestEndKind.Restart, rig.Context.End?.Kind);
        Assert.Null(rig.Machine.KillReason);
    }

    [Fact]
    public void Done_is_announced_like_every_write_of_the_host()
    {
        using Rig rig = new Rig().Initialised();
        rig.Queue(0, HypercallNumbers.FlushAsync);
        var log = new WriteLog();
        rig.Machine.Ram.WriteObserver = log;
        rig.Call(HypercallNumbers.FlushAsync);
        Assert.Equal([(Rig.DataAt + LguestData.HcallStatus, 1u)], log.Writes);
    }

    private sealed class WhenWritten(uint physical, Action action) : ICodeWriteObserver
    {
        private bool _done;

        public void NotifyWrite(uint written, uint length)
        {
            if (!_done && written == physical && length == 1)
            {
                _done = true;
                action();
            }
        }
    }
}
