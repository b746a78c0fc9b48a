using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Switcher.Deterministic;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using Lguest.Jit.Translator;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>Hypercalls that are made without an exit: who may make them, and what has to be seen to before the next instruction all the same.</summary>
public sealed class DirectHypercallTests
{
    private const uint Timer = 32;
    private const uint Log = AssembledGuest.Log;

    public static TheoryData<bool, bool> Paths => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    /// <summary>By their numbers they are the quick ones; the third would move the stack of the next frame.</summary>
    [Theory]
    [InlineData(HypercallNumbers.FlushAsync)]
    [InlineData(HypercallNumbers.NewPgtable)]
    [InlineData(HypercallNumbers.SetStack)]
    [InlineData(HypercallNumbers.Ts)]
    [InlineData(HypercallNumbers.SetPgd)]
    [InlineData(HypercallNumbers.SendInterrupts)]
    public void The_users_are_general_protection_faults(uint number)
    {
        var scene = new TrapScene
        {
            Gates = { [GeneralProtection] = 0x8E00 },
            Endings =
            {
                [GeneralProtection] = static c =>
                {
                    c.add(esp, 4);
                    c.add(__dword_ptr[esp], 2);
                },
            },

            // The kernel's own, of the same block shape and warm.
            OnSyscall = static c => c.Hypercall(HypercallNumbers.Ts, 0),
            User = c =>
            {
                c.Hypercall(number, 0x69, AssembledGuest.TrapStack - 0x800, 1);
                c.@int(0x80);
                c.Hypercall(number, 0x69, AssembledGuest.TrapStack - 0x800, 1);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([GeneralProtection, 0x80u, GeneralProtection, 0x80], records[3..].Select(static r => r[Vector]));
        Assert.All(records.Where(static r => r[Vector] == GeneralProtection), static r => Assert.Equal((0xFAu, 0x73u), (r[0], r[2])));
        Assert.All(records.Where(static r => r[Vector] == 0x80), static r => Assert.Equal(AssembledGuest.TrapStack - 20, r[Esp]));
    }

    /// <summary>Those that do not exist are not taken for one that does, which they are modulo 32.</summary>
    [Theory]
    [InlineData(32u + HypercallNumbers.Ts)]
    [InlineData(64u + HypercallNumbers.Ts)]
    [InlineData(0x80000000u + HypercallNumbers.Ts)]
    public void Numbers_beyond_all_kill_by_their_full_number(uint number)
    {
        foreach (object[] path in Paths)
        {
            using AssembledGuest guest = Make((bool)path[0], (bool)path[1]);
            _ = guest.Place(AssembledGuest.Entry, c =>
            {
                c.Begin();
                c.Hypercall(number);
                c.ShutDown();
            });
            Assert.Equal($"Bad hypercall {(int)number}", guest.Run().Message);
        }
    }

    /// <summary>Like any <c>int n</c>: no single-step trap behind the instruction itself, but one behind the next (SDM vol. 3, §17.3.1.4).</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void A_single_stepped_one_is_followed_by_no_trap_of_its_own(bool jit, bool direct)
    {
        using AssembledGuest guest = Make(jit, direct);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(1);
            c.Hypercall(HypercallNumbers.Ts, 0);
            c.mov(eax, HypercallNumbers.Ts);
            c.pushfd();
            c.or(__dword_ptr[esp], 0x100);
            c.popfd();
            c.jmp(AssembledGuest.UserCode);
        });
        uint behind = guest.Place(AssembledGuest.UserCode, static c => c.@int(31));
        _ = guest.Place(behind, static c =>
        {
            c.nop();
            c.nop();
            c.ShutDown();
        });

        _ = guest.Place(AssembledGuest.HandlerOf(1), static c =>
        {
            c.mov(edi, __dword_ptr[Log + 0x20]);
            c.mov(esi, __dword_ptr[esp]);
            c.mov(__dword_ptr[edi * 4 + Log], esi);
            c.inc(__dword_ptr[Log + 0x20]);
            c.iretd();
        });
        _ = guest.Run();
        Assert.Equal([AssembledGuest.UserCode, behind + 1, behind + 2], Enumerable.Range(0, 3).Select(i => guest[Log + 4 * (uint)i]));
    }

    /// <summary>SEND_INTERRUPTS is for that: what was held off while interrupts were disabled comes before the next instruction.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void An_interrupt_that_waits_comes_right_behind_it(bool jit, bool direct)
    {
        using AssembledGuest guest = Make(jit, direct);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0);
            c.SetTimerTo(1);
            c.WaitForIrqPending();
            c.Hypercall(HypercallNumbers.Ts, 0);
            c.mov(eax, HypercallNumbers.SendInterrupts);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            c.jmp(AssembledGuest.UserCode);
        });
        uint behind = guest.Place(AssembledGuest.UserCode, static c => c.@int(31));
        _ = guest.Place(behind, static c =>
        {
            for (int i = 0; i < 64; i++)
            {
                c.nop();
            }

            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(Timer), static c =>
        {
            c.LogStack(Log, 3);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(behind, guest[Log]);
    }

    /// <summary>The ring may hold a call that is not quick, and then it ends the run: nothing is executed behind a shutdown.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void A_shutdown_in_the_ring_is_the_end_at_once(bool jit, bool direct)
    {
        using AssembledGuest guest = Make(jit, direct);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            Queue(c, HypercallNumbers.Shutdown, AssembledGuest.Message, HypercallNumbers.ShutdownPoweroff);
            c.Hypercall(HypercallNumbers.FlushAsync);
            c.inc(__dword_ptr[Log]);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(0u, guest[Log]);
    }

    /// <summary>HALT in the ring: the Guest sleeps before its next instruction, until the timer that it has set.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void A_halt_in_the_ring_halts_at_once(bool jit, bool direct)
    {
        using AssembledGuest guest = Make(jit, direct);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            c.Hypercall(HypercallNumbers.SetClockevent, 1_000_000);
            Queue(c, HypercallNumbers.Halt, 0, 0);
            c.Hypercall(HypercallNumbers.FlushAsync);
            c.inc(__dword_ptr[Log + 0x20]);
            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(Timer), static c =>
        {
            c.mov(eax, __dword_ptr[Log + 0x20]);
            c.mov(__dword_ptr[Log], eax);
            c.inc(__dword_ptr[Log + 4]);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal((0u, 1u), (guest[Log], guest[Log + 4]));
    }

    /// <summary>A timer set by way of the ring counts from the instruction that had it set, to the instruction.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void A_timer_in_the_ring_begins_when_the_ring_is_looked_at(bool jit, bool direct)
    {
        using AssembledGuest guest = Make(jit, direct);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            Label again = c.CreateLabel();
            Label sled = c.CreateLabel();
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            Queue(c, HypercallNumbers.SetClockevent, 1, 0);

            // Many instructions that nobody outside of the engine has counted yet.
            c.mov(esi, 1000);
            c.Label(ref again);
            c.dec(esi);
            c.jne(again);
            c.Hypercall(HypercallNumbers.FlushAsync);
            c.mov(edi, 0);
            c.Label(ref sled);
            c.inc(edi);
            c.jmp(sled);
        });
        _ = guest.Place(AssembledGuest.HandlerOf(Timer), static c =>
        {
            c.mov(__dword_ptr[Log], edi);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);

        // The shortest time is 20,000 ns, as many instructions: mov, and pairs.
        Assert.Equal(10_000u, guest[Log]);
    }

    /// <summary>Puts a call into the first slot of the ring, which stands where it did at the start.</summary>
    private static void Queue(Assembler c, uint number, uint arg1, uint arg2)
    {
        c.mov(__dword_ptr[AssembledGuest.Data + LguestData.Hcalls], number);
        c.mov(__dword_ptr[AssembledGuest.Data + LguestData.Hcalls + 4], arg1);
        c.mov(__dword_ptr[AssembledGuest.Data + LguestData.Hcalls + 8], arg2);
        c.mov(__byte_ptr[AssembledGuest.Data + LguestData.HcallStatus], 0);
    }

    private static AssembledGuest Make(bool jit, bool direct) => new(
        new GuestOptions { DirectTraps = direct },
        machine => jit ? new TieredEngine(machine, threshold: 0) : (IExecutionEngine)new InterpreterEngine(machine),
        new DeterministicClock());
}
