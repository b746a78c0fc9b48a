using System.Diagnostics;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>However a Guest goes in circles, translated code hears of an interrupt.</summary>
public sealed unsafe class AttentionTests
{
    /// <summary>Ends a loop that does not listen.</summary>
    private const long Long = 3_000_000_000;

    /// <summary>Milliseconds. A loop that listens at its safepoints needs a few microseconds; one that listens only where a budget ends, hundreds of these.</summary>
    private const double Prompt = 250;

    [Fact]
    public void A_jump_to_itself_is_interrupted() => Interrupts(static b => b.Asm.jmp(b.Here().Value));

    [Fact]
    public void A_counting_loop_is_interrupted() => Interrupts(static b =>
    {
        CodeLabel top = b.Here();
        b.Asm.inc(edx);
        b.Asm.add(ecx, edx);
        b.Asm.jmp(top.Value);
    });

    [Fact]
    public void A_loop_of_calls_and_returns_is_interrupted() => Interrupts(static b =>
    {
        CodeLabel function = b.NewLabel();
        CodeLabel top = b.Here();
        b.Asm.call(function.Value);
        b.Asm.jmp(top.Value);
        b.Mark(function);
        b.Asm.inc(edx);
        b.Asm.ret();
    });

    [Fact]
    public void A_loop_through_return_sites_is_interrupted() => Interrupts(static b =>
    {
        // The return goes backwards in the region, and nothing else does.
        CodeLabel function = b.NewLabel();
        CodeLabel site = b.NewLabel();
        b.Asm.call(function.Value);
        b.Mark(site);
        b.Asm.push(b.AddressOf(site));
        b.Asm.jmp(function.Value);
        b.Mark(function);
        b.Asm.inc(edx);
        b.Asm.ret();
    });

    [Fact]
    public void An_indirect_loop_is_interrupted() => Interrupts(static b =>
    {
        CodeLabel top = b.Here();
        b.Asm.mov(esi, b.AddressOf(top));
        b.Asm.jmp(esi);
    });

    [Fact]
    public void A_loop_that_goes_back_by_falling_through_is_interrupted()
    {
        // In the order in which the region takes them in, every branch of this loop leads forward.
        byte[] code = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            Assembler c = b.Asm;
            CodeLabel one = b.NewLabel();
            CodeLabel two = b.NewLabel();
            CodeLabel end = b.NewLabel();
            c.mov(ecx, 5);
            c.jmp(one.Value);
            b.Mark(two);
            c.test(eax, eax);
            c.jz(end.Value);
            b.Mark(one);
            c.inc(edx);
            c.jmp(two.Value);
            b.Mark(end);
            c.int3();
        });
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        rig.Write(Rig.Code, code);
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());

        // The first block goes, and comes back with all others known to it.
        rig.Write(Rig.Code, code.AsSpan(0, 1));
        rig.Begin(Rig.Code);
        rig.Cpu->Gpr[Reg.Eax] = 1;
        Listens(rig);
    }

    private static void Interrupts(Action<CodeBuilder> emit)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, emit);
        foreach (uint threshold in new uint[] { 0, 20 })
        {
            using var rig = new Rig(machine => new TieredEngine(machine, threshold));
            rig.Write(Rig.Code, code);
            Assert.Equal(ExitReason.Budget, rig.Run(100_000));
            Thread.Sleep(20);
            Assert.Equal(ExitReason.Budget, rig.Run(100_000));

            // A rewrite of the first block makes a new region that knows all the others from the start.
            rig.Write(Rig.Code, code.AsSpan(0, 1));
            rig.Begin(Rig.Code);
            Listens(rig);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_alarm_that_has_rung_ends_the_run_with_the_slice_and_one_in_the_future_does_not(bool translated)
    {
        const long SliceAndMore = 40_000;
        using var rig = new Rig(machine => translated ? new TieredEngine(machine, threshold: 0) : new InterpreterEngine(machine));
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.inc(edx);
            b.Asm.jmp(top.Value);
        }));
        rig.Begin(Rig.Code);
        rig.Cpu->Alarm = Stopwatch.GetTimestamp() + (3600 * Stopwatch.Frequency);
        Assert.Equal(ExitReason.Budget, rig.Run(10 * SliceAndMore));
        Assert.Equal(10 * SliceAndMore, rig.Cpu->Retired);
        rig.Cpu->Alarm = 1;
        Assert.Equal(ExitReason.Attention, rig.Run(10 * SliceAndMore));
        Assert.InRange(rig.Cpu->Retired, 10 * SliceAndMore, 11 * SliceAndMore);
    }

    /// <summary>One prompt answer will do: where others keep the processors busy, or collect, a late one says nothing about the loop.</summary>
    private static void Listens(Rig rig)
    {
        double best = double.MaxValue;
        Assert.True(Patience.OneOf(20, () => (best = Math.Min(best, Answer(rig))) <= Prompt), $"{best} ms");
    }

    /// <summary>Milliseconds from the request to the end of the run.</summary>
    private static double Answer(Rig rig)
    {
        rig.Cpu->Attention = 0;
        int* attention = &rig.Cpu->Attention;
        long raised = 0;
        var ring = new Thread(() =>
        {
            Thread.Sleep(30);
            Volatile.Write(ref raised, Stopwatch.GetTimestamp());
            Volatile.Write(ref *attention, 1);
        });
        ring.Start();
        ExitReason reason = rig.Run(Long);
        long noticed = Stopwatch.GetTimestamp();
        ring.Join();
        Assert.Equal(ExitReason.Attention, reason);
        Assert.True(noticed >= raised, "somebody else asked for attention");
        return Stopwatch.GetElapsedTime(raised, noticed).TotalMilliseconds;
    }
}
