using System.Globalization;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Rewriting;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using Xunit.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.SelfModifying;

/// <summary>A million rewrites of each kind come to the right result, and no storm of translation comes of them.</summary>
public sealed unsafe class MillionRewritesTests(ITestOutputHelper output)
{
    /// <summary>Of each kind. The million is told of in <c>perf rewrite</c>, too.</summary>
    private static readonly int s_rewrites = Soak.Count(200_000, 1_000_000);

    public static TheoryData<int> Kinds => [.. Enum.GetValues<RewriteKind>().Select(static kind => (int)kind)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_long_series_of_rewrites_comes_to_the_same_on_both_engines(int kind)
    {
        string interpreted = Run((RewriteKind)kind, s_rewrites, 1, static machine => new InterpreterEngine(machine));
        string translated = Run((RewriteKind)kind, s_rewrites, 1, static machine => new TieredEngine(machine));
        Assert.Equal(interpreted, translated);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Code_that_is_hot_again_after_each_rewrite_comes_to_the_same_on_both_engines(int kind)
    {
        string interpreted = Run((RewriteKind)kind, 3000, 70, static machine => new InterpreterEngine(machine));
        string translated = Run((RewriteKind)kind, 3000, 70, static machine => new TieredEngine(machine, threshold: 20));
        Assert.Equal(interpreted, translated);
    }

    [Theory]
    [MemberData(nameof(Shapes.Names), MemberType = typeof(Shapes))]
    public void Every_kind_of_rewrite_comes_to_its_result_in_every_shape(string shape)
    {
        foreach (RewriteKind kind in Enum.GetValues<RewriteKind>())
        {
            _ = Run(kind, 60, 3, machine => new TieredEngine(machine, threshold: 0, optimisations: Shapes.Of(shape)));
            _ = Run(kind, 500, 40, machine => new TieredEngine(machine, threshold: 10, optimisations: Shapes.Of(shape)));
        }
    }

    [Theory]
    [InlineData((int)RewriteKind.NextBlock)]
    [InlineData((int)RewriteKind.OtherPage)]
    [InlineData((int)RewriteKind.OtherAlias)]
    [InlineData((int)RewriteKind.Device)]
    public void Code_that_is_rewritten_whenever_it_is_hot_is_soon_left_alone_by_the_compiler(int kind)
    {
        const int Times = 5000;
        using var guest = new RewriteGuest((RewriteKind)kind, Times, 100, static machine => new TieredEngine(machine, threshold: 40));
        Assert.Equal(guest.Expected, guest.Run().Sum);
        long offered = ((TieredEngine)guest.Engine).Queue!.Offered;
        output.WriteLine($"{offered} plans for {Times} rewrites");
        Assert.InRange(offered, 1, 60);
    }

    [Fact]
    public void Code_that_is_rewritten_no_more_is_translated_in_the_end()
    {
        // Rewritten ten times while hot; then it runs on, long enough to live that down.
        byte[] code = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.add(eax, 0x12345678);
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Asm.int3();
        });
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 20));
        rig.Write(Rig.Code, code);
        for (int i = 0; i < 10; i++)
        {
            rig.Write(Rig.Code + 1, BitConverter.GetBytes(i));
            Loop(50);
        }

        long deadline = Environment.TickCount64 + (long)Patience.Limit.TotalMilliseconds;
        BlockCache blocks = ((TieredEngine)rig.Engine).Blocks;
        while (!IsTranslated() && Environment.TickCount64 < deadline)
        {
            Loop(100_000);
        }

        Assert.True(IsTranslated());

        void Loop(uint times)
        {
            rig.Begin(Rig.Code);
            rig.Cpu->Gpr[Core.State.Reg.Ecx] = times;
            Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        }

        bool IsTranslated() => Lguest.Jit.Translator.Cache.RegionCache.IsTranslated(blocks.Peek(Rig.Code)->Head);
    }

    [Fact]
    public void Code_that_grows_when_it_is_rewritten_is_linked_to_anew()
    {
        // The callee becomes longer than what was there, and longer again; the caller's link has to lead to what is there now.
        byte[] caller = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.call((ulong)(Rig.Code + 0x2000));
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Asm.int3();
        });
        foreach (Func<GuestMachine, IExecutionEngine> engine in (Func<GuestMachine, IExecutionEngine>[])[
            static machine => new InterpreterEngine(machine), static machine => new TieredEngine(machine, threshold: 0), static machine => new TieredEngine(machine, threshold: 5)])
        {
            using var rig = new Rig(engine);
            rig.Write(Rig.Code, caller);
            uint expected = 0;
            for (int length = 1; length < 40; length = length * 2 + 1)
            {
                rig.Write(Rig.Code + 0x2000, [.. Enumerable.Repeat((byte)0x40, length), 0xC3]);
                rig.Begin(Rig.Code);
                rig.Cpu->Gpr[Core.State.Reg.Ecx] = 30;
                Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
                expected = 30 * (uint)length;
                Assert.Equal(expected, rig.Cpu->Gpr[Core.State.Reg.Eax]);
            }
        }
    }

    [Theory]
    [InlineData(0x40u)]
    [InlineData(0x800u)]
    public void Data_in_a_page_of_code_can_be_hot_without_any_code_going(uint distance)
    {
        // At 0x40 it stands in the last line of the code.
        byte[] code = CodeBuilder.Assemble(Rig.Code, b =>
        {
            b.Asm.mov(ecx, 200_000);
            CodeLabel top = b.Here();
            b.Asm.add(__dword_ptr[Rig.Code + distance], ecx);
            b.Asm.add(eax, __dword_ptr[Rig.Code + distance]);
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            for (int i = 0; i < 0x30; i++)
            {
                b.Asm.nop();
            }

            b.Asm.int3();
        });
        code = [.. code, .. new byte[0x1000 - code.Length]];
        string? first = null;
        foreach (Func<GuestMachine, IExecutionEngine> engine in (Func<GuestMachine, IExecutionEngine>[])[
            static machine => new InterpreterEngine(machine), static machine => new TieredEngine(machine)])
        {
            using var rig = new Rig(engine);
            rig.Write(Rig.Code, code);
            rig.Write(Rig.Code + distance, new byte[4]);
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            string state = rig.State(rig.Run());
            output.WriteLine($"{rig.Engine.GetType().Name}: {System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalNanoseconds / 200_000:F0} ns a round");
            first ??= state;
            Assert.Equal(first, state);
            Assert.Equal(0, (rig.Engine as TieredEngine)?.Blocks.Invalidated ?? ((InterpreterEngine)rig.Engine).Cache.Invalidated);
        }
    }

    private string Run(RewriteKind kind, int rewrites, int between, Func<GuestMachine, IExecutionEngine> engine)
    {
        using var guest = new RewriteGuest(kind, rewrites, between, engine);
        (uint sum, string state, double seconds) = guest.Run();
        Assert.Equal(guest.Expected, sum);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind}, {guest.Engine.GetType().Name}: {1e6 * seconds / rewrites:F2} µs per rewrite"));
        return state;
    }
}
