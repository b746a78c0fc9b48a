using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Switcher.Deterministic;
using Lguest.Jit.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.EndToEnd;

/// <summary>
/// Behind MOV SS and POP SS nobody comes until the next instruction has completed (SDM vol. 3, §6.8.3). The timer is set to each instruction of a
/// short piece of code in turn, and the handler writes down where it came from.
/// </summary>
public sealed class StackShadowTests
{
    private const uint Timer = 32;
    private const uint Log = AssembledGuest.Log;
    private const uint Code = AssembledGuest.UserCode;

    /// <summary>Where the piece of code wants its stack.</summary>
    private const uint OtherStack = AssembledGuest.Stack - 0x1000;

    [Theory]
    [InlineData("interpreter")]
    [InlineData("single")]
    [InlineData("jit")]
    public void No_interrupt_comes_between_mov_ss_and_mov_esp(string engine)
    {
        // nop, mov ss, mov esp, nop, nop: at 0, 1, 3, 8, 9.
        SortedSet<uint> seen = Sweep(engine, static c =>
        {
            c.nop();
            c.mov(ss, ecx);
            c.mov(esp, OtherStack);
            c.nop();
            c.nop();
        });
        Assert.Equal([0u, 1, 8, 9, 10], seen.Take(5));
    }

    [Theory]
    [InlineData("interpreter")]
    [InlineData("single")]
    [InlineData("jit")]
    public void No_interrupt_comes_behind_pop_ss(string engine)
    {
        SortedSet<uint> seen = Sweep(engine, static c =>
        {
            c.push(ecx);
            c.pop(ss);
            c.mov(esp, OtherStack);
            c.nop();
        });
        Assert.Equal([0u, 1, 7, 8], seen.Take(4));
    }

    [Theory]
    [InlineData("interpreter")]
    [InlineData("single")]
    [InlineData("jit")]
    public void Of_two_loads_in_a_row_only_the_first_holds_interrupts_off(string engine)
    {
        SortedSet<uint> seen = Sweep(engine, static c =>
        {
            c.nop();
            c.mov(ss, ecx);
            c.mov(ss, ecx);
            c.nop();
            c.nop();
        });
        Assert.Equal([0u, 1, 5, 6, 7], seen.Take(5));
    }

    [Theory]
    [InlineData("interpreter")]
    [InlineData("single")]
    [InlineData("jit")]
    public void Lss_and_loads_of_other_segments_hold_nothing_off(string engine)
    {
        SortedSet<uint> seen = Sweep(engine, static c =>
        {
            c.nop();
            c.lss(esp, __[Log + 0x80]);
            c.mov(es, ecx);
            c.nop();
        });
        Assert.Equal([0u, 1, 8, 10, 11], seen.Take(5));
    }

    /// <summary>By the Host's clock nobody knows where the timer comes; but of hundreds of times it never is there.</summary>
    [Theory]
    [InlineData("interpreter")]
    [InlineData("jit")]
    public void A_timer_of_the_hosts_never_comes_between(string engine)
    {
        const uint Times = 400;
        using AssembledGuest guest = Make(engine, clock: null);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(Timer);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
            c.mov(esi, 0x69);
            c.mov(edi, esp);
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.jmp(Code);
        });
        uint behind = guest.Place(Code, static c => c.mov(ss, esi));
        uint end = guest.Place(behind, static c =>
        {
            c.mov(esp, edi);
            c.cmp(__dword_ptr[Log + 4], Times);
            c.jb(Code);
        });
        _ = guest.Place(end, static c => c.ShutDown());
        guest.PlaceNoirqHandler(Timer, c =>
        {
            Label elsewhere = c.CreateLabel();
            c.inc(__dword_ptr[Log + 4]);
            c.cmp(__dword_ptr[esp], behind);
            c.jne(elsewhere);
            c.inc(__dword_ptr[Log]);
            c.Label(ref elsewhere);
            c.pushad();
            c.Hypercall(HypercallNumbers.SetClockevent, 1);
            c.popad();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal((0u, true), (guest[Log], guest[Log + 4] >= Times));
    }

    /// <summary>The Guest's time is its instructions: the timer, set to n nanoseconds, is due n instructions later.</summary>
    private static SortedSet<uint> Sweep(string engine, Action<Assembler> piece)
    {
        var seen = new SortedSet<uint>();
        for (uint after = 1; after < 14; after++)
        {
            using AssembledGuest guest = Make(engine);
            guest[Log + 0x80] = OtherStack;
            guest[Log + 0x84] = 0x69;
            _ = guest.Place(AssembledGuest.Entry, c =>
            {
                c.Begin();
                c.LoadGate(Timer);
                c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x200);
                c.SetTimerTo(after);
                c.mov(ecx, 0x69);
                c.jmp(Code);
            });
            uint end = guest.Place(Code, piece);
            _ = guest.Place(end, static c =>
            {
                for (int i = 0; i < 16; i++)
                {
                    c.nop();
                }

                c.ShutDown();
            });
            _ = guest.Place(AssembledGuest.HandlerOf(Timer), static c =>
            {
                c.mov(eax, __dword_ptr[esp]);
                c.mov(__dword_ptr[Log], eax);
                c.ShutDown();
            });
            Assert.Equal("CRASH: the end", guest.Run().Message);
            if (guest[Log] >= Code)
            {
                seen.Add(guest[Log] - Code);
            }
        }

        return seen;
    }

    private static AssembledGuest Make(string engine) => Make(engine, new DeterministicClock());

    private static AssembledGuest Make(string engine, IGuestClock? clock) => new(
        null,
        machine => engine switch
        {
            "jit" => new TieredEngine(machine, threshold: 0),
            "single" => new InterpreterEngine(machine, blockLimit: 1),
            _ => (IExecutionEngine)new InterpreterEngine(machine),
        },
        clock);
}
