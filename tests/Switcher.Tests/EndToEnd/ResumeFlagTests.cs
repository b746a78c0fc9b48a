using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Deterministic;
using Lguest.Jit.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>
/// RF in pushed frames (SDM vol. 3, §17.3.1.1): 1 for faults and between two iterations of a string instruction, 0 for what an instruction asked
/// for; and for an interrupt right behind an iret whatever that brought along.
/// </summary>
public sealed class ResumeFlagTests
{
    private const uint Log = AssembledGuest.Log;
    private const uint Timer = 32;

    public static TheoryData<bool, bool> Paths => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Paths))]
    public void Faults_push_it_and_traps_do_not(bool jit, bool direct)
    {
        using AssembledGuest guest = Make(jit, direct);
        foreach (uint vector in new uint[] { 0, 3, 4, 6, 13, 14 })
        {
            _ = guest.Place(AssembledGuest.HandlerOf(vector), c =>
            {
                // Behind error code and eip, cs: the flags. Where to go on is in ebx.
                c.mov(eax, __dword_ptr[esp + (vector is 13 or 14 ? 12 : 8)]);
                c.mov(__dword_ptr[Log + 4 * vector], eax);
                c.mov(esp, AssembledGuest.Stack);
                c.jmp(ebx);
            });
        }

        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.TurnPagingOn();
            foreach (uint vector in new uint[] { 0, 3, 4, 6, 13, 14 })
            {
                c.LoadGate(vector, 0xEF00);
            }

            // Twice: the second is warm.
            for (int i = 0; i < 2; i++)
            {
                Go(c, static c => c.div(ecx), static c => c.xor(ecx, ecx));
                Go(c, static c => c.int3());
                Go(c, static c => c.into(), static c =>
                {
                    c.mov(ecx, 0x7FFFFFFF);
                    c.inc(ecx);
                });
                Go(c, static c => c.ud2());
                Go(c, static c => c.hlt());
                Go(c, static c => c.mov(eax, __dword_ptr[0x00A00000]));
            }

            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(
            [(0u, 1u), (3, 0), (4, 0), (6, 1), (13, 1), (14, 1)],
            new uint[] { 0, 3, 4, 6, 13, 14 }.Select(v => (v, (guest[Log + 4 * v] & Eflags.Resume) >> 16)));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void An_interrupt_between_two_iterations_pushes_it_and_one_behind_the_last_does_not(bool jit, bool direct)
    {
        const uint String = AssembledGuest.UserCode;
        foreach ((uint after, bool inside) in new (uint, bool)[] { (30, true), (31, true), (99, true), (100, true), (101, false), (102, false) })
        {
            using AssembledGuest guest = Make(jit, direct);
            _ = guest.Place(AssembledGuest.Entry, c =>
            {
                c.Begin();
                c.LoadGate(Timer);
                c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
                c.mov(esi, 0x1000);
                c.SetTimerTo(after);
                c.mov(ecx, 99);
                c.jmp(String);
            });
            _ = guest.Place(String, static c =>
            {
                c.rep.lodsb();
                for (int i = 0; i < 8; i++)
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
            Assert.Equal((after, inside ? String : String + 2 + (after - 101)), (after, guest[Log]));
            Assert.Equal((after, inside ? Eflags.Resume : 0), (after, guest[Log + 8] & Eflags.Resume));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Behind_an_iret_it_is_what_that_brought_along_for_one_instruction(bool jit, bool direct)
    {
        const uint Target = AssembledGuest.UserCode;
        foreach (uint image in new[] { 0u, Eflags.Resume })
        {
            for (uint after = 4; after < 8; after++)
            {
                using AssembledGuest guest = Make(jit, direct);
                _ = guest.Place(AssembledGuest.Entry, c =>
                {
                    c.Begin();
                    c.LoadGate(Timer);
                    c.LoadGate(3, 0xEF00);

                    // The kernel's segments are known from here on.
                    c.int3();
                    c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
                    c.SetTimerTo(after);
                    c.push(0x202 | image);
                    c.push(0x61);
                    c.push(Target);
                    c.iretd();
                });
                _ = guest.Place(AssembledGuest.HandlerOf(3), static c => c.iretd());
                _ = guest.Place(Target, static c =>
                {
                    for (int i = 0; i < 8; i++)
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
                Assert.Equal((after, Target + after - 4), (after, guest[Log]));
                Assert.Equal((after, after == 4 ? image : 0), (after, guest[Log + 8] & Eflags.Resume));
            }
        }
    }

    /// <summary>Does something that traps, and goes on behind it.</summary>
    private static void Go(Assembler c, Action<Assembler> trap, Action<Assembler>? before = null)
    {
        Label go = c.CreateLabel();
        Label behind = c.CreateLabel();
        c.call(go);
        c.jmp(behind);
        c.Label(ref go);
        c.pop(ebx);
        c.mov(eax, 1);
        c.mov(edx, 0);
        before?.Invoke(c);
        trap(c);
        c.Label(ref behind);
        c.nop();
    }

    private static AssembledGuest Make(bool jit, bool direct) => new(
        new GuestOptions { DirectTraps = direct },
        machine => jit ? new TieredEngine(machine, threshold: 0) : (IExecutionEngine)new InterpreterEngine(machine),
        new DeterministicClock());
}
