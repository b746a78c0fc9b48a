using System.Collections.Concurrent;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Tiering;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Tiering;

/// <summary>
/// What a region becomes as more is known of it: windows once it has looped, its neighbours once it is entered all the time, the functions
/// that its indirect calls have led to from the start. Each program also ends as it does when interpreted.
/// </summary>
public sealed unsafe class RegionTierTests
{
    private const uint Data = 0x100000;
    private const uint Elsewhere = Rig.Code + 0x3000;

    [Fact]
    public void A_region_that_loops_gets_windows()
    {
        using Rig rig = Run(40_000, Loop);
        Assert.Contains(Regions(rig), static region => region.WindowUses.Count > 0);
    }

    [Fact]
    public void Where_many_wait_what_is_about_to_be_translated_has_to_become_hot_again()
    {
        const int Blocks = 400;
        using var go = new SemaphoreSlim(0);
        ConcurrentQueue<RegionPlan> plans = [];
        using var rig = new Rig(machine => new TieredEngine(machine, 100)
        {
            Compiler = (plan, optimisations, watch) =>
            {
                plans.Enqueue(plan);
                go.Wait();
                return RegionCompiler.Compile(plan, optimisations, watch);
            },
        });
        List<uint> blocks = [];
        uint end = 0;
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, b =>
        {
            // ECX rounds through all blocks, each of which leaves for EDI if ESI is its number.
            blocks.Clear();
            CodeLabel leave = b.NewLabel();
            CodeLabel top = b.Here();
            for (int i = 0; i < Blocks; i++)
            {
                blocks.Add(b.AddressOf(i == 0 ? top : b.Here()));
                b.Asm.cmp(esi, i + 1);
                b.Asm.je(leave.Value);
            }

            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            CodeLabel trap = b.Here();
            b.Asm.int3();
            b.Mark(leave);
            b.Asm.dec(ecx);
            b.Asm.jz(trap.Value);
            b.Asm.jmp(edi);
            end = b.AddressOf(trap);
        }));
        var engine = (TieredEngine)rig.Engine;
        CompileQueue queue = engine.Queue!;
        uint[] hottest;
        try
        {
            // All become hot at about the same time: some are planned, and compiled only when we say so; many wait.
            Go(blocks[0], 150, 0);
            Assert.True(SpinWait.SpinUntil(() => !plans.IsEmpty, TimeSpan.FromMinutes(1)));

            // Some that are in a plan that waits for the compiler become the hottest of all.
            int start = Enumerable.Range(0, Blocks - 8).First(i => blocks.Skip(i).Take(8).All(IsInPlanThatWaits));
            hottest = [.. blocks.Skip(start).Take(8)];
            Go(hottest[0], 1_200, (uint)start + 8);

            // There is room for another plan.
            long offered = queue.Offered;
            go.Release();
            Assert.True(SpinWait.SpinUntil(() => queue.HasFinished, TimeSpan.FromMinutes(1)));
            Go(end, 0, 0);
            Assert.True(queue.Offered > offered);
        }
        finally
        {
            go.Release(Blocks);
        }

        Assert.True(SpinWait.SpinUntil(() => plans.Count == queue.Offered, TimeSpan.FromMinutes(1)));
        Assert.DoesNotContain(plans.Last().Blocks[0].Eip, hottest);

        void Go(uint eip, uint rounds, uint leavesAt)
        {
            rig.Begin(eip);
            rig.Cpu->Gpr[Reg.Ecx] = rounds;
            rig.Cpu->Gpr[Reg.Edi] = eip;
            rig.Cpu->Gpr[Reg.Esi] = leavesAt;
            Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        }

        bool IsInPlanThatWaits(uint eip) => engine.Blocks.Peek(eip) is var block && block != null && queue.UnderWay.Contains(block) && plans.First().Blocks.All(planned => planned.Eip != eip);
    }

    [Fact]
    public void A_region_that_is_only_passed_through_gets_none()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 50, waits: true));
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, static b =>
        {
            // Few rounds at a time: never a slice of the budget.
            b.Asm.mov(ecx, 20);
            CodeLabel top = b.Here();
            b.Asm.add(__dword_ptr[Data], ecx);
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Asm.int3();
        }));
        for (int i = 0; i < 2_000; i++)
        {
            rig.Begin(Rig.Code);
            Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        }

        Assert.NotEmpty(Regions(rig));
        Assert.All(Regions(rig), static region => Assert.Empty(region.WindowUses));
    }

    [Fact]
    public void Nor_does_one_in_which_slices_of_the_budget_happen_to_end()
    {
        // Some hundred slices, most of which end in the inner loop; but that is left after 60 instructions each time.
        using Rig rig = Run(
            50_000,
            static b =>
            {
                CodeLabel outer = b.Here();
                b.Asm.mov(edx, 20);
                CodeLabel top = b.Here();
                b.Asm.add(__dword_ptr[Data], edx);
                b.Asm.dec(edx);
                b.Asm.jnz(top.Value);
                b.Asm.dec(ecx);
                b.Asm.jnz(outer.Value);
                b.Asm.int3();
            },
            new Optimisations { RegionLimit = 1, RipeRegions = false });
        Assert.NotEmpty(Regions(rig));
        Assert.All(Regions(rig), static region => Assert.Empty(region.WindowUses));
    }

    [Fact]
    public void A_path_that_goes_in_a_circle_gets_windows_and_keeps_its_blocks()
    {
        using Rig rig = Run(
            50_000,
            static b =>
            {
                CodeLabel outer = b.Here();
                b.Asm.mov(edx, 20);
                CodeLabel top = b.Here();
                b.Asm.add(__dword_ptr[Data], edx);
                for (int i = 0; i < 12; i++)
                {
                    b.Asm.add(eax, edx);
                }

                b.Asm.dec(edx);
                b.Asm.jnz(top.Value);
                b.Asm.dec(ecx);
                b.Asm.jnz(outer.Value);
                b.Asm.int3();
            },
            new Optimisations { RegionLimit = 1 });
        Assert.Contains(Regions(rig), static region => region.Plan is { FollowsPaths: true, Blocks.Count: 3 } && region.WindowUses.Count > 0);
    }

    [Fact]
    public void A_loop_around_one_that_was_compiled_first_gets_windows_too()
    {
        // Slices end in the inner loop, whose own head leads to what was compiled of it alone; but it is the region around it that goes in circles.
        uint inner = 0;
        uint outer = 0;
        using Rig rig = Run(400, b =>
        {
            CodeLabel again = b.Here();
            b.Asm.mov(edx, 10_000);
            CodeLabel top = b.Here();
            b.Asm.add(__dword_ptr[Data], edx);
            b.Asm.dec(edx);
            b.Asm.jnz(top.Value);
            b.Asm.dec(ecx);
            b.Asm.jnz(again.Value);
            b.Asm.int3();
            (inner, outer) = (b.AddressOf(top), b.AddressOf(again));
        });
        CompiledRegion[] around = [.. Regions(rig).Where(region => HasBlocks(region, inner, outer))];
        Assert.NotEmpty(around);
        Assert.All(around, static region => Assert.NotEmpty(region.WindowUses));
    }

    [Fact]
    public void Everything_that_is_compiled_before_it_runs_has_its_windows_at_once()
    {
        using Rig rig = Run(10, Loop, threshold: 0);
        Assert.Contains(Regions(rig), static region => region.WindowUses.Count > 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_region_that_is_entered_all_the_time_takes_in_what_was_translated_before_it(bool ripe)
    {
        uint first = 0;
        uint second = 0;
        using Rig rig = Run(80_000, b => (first, second) = Halves(b), ripe ? null : new Optimisations { RipeRegions = false });
        Assert.Equal(ripe, Regions(rig).Any(region => HasBlocks(region, first, second)));
    }

    [Fact]
    public void A_loop_stays_alone_however_often_it_is_entered()
    {
        // The inner loop is long enough to be seen as one, and to have windows; then it is entered more often than makes others ripe.
        uint inner = 0;
        uint outer = 0;
        using Rig rig = Run(40_000, b =>
        {
            CodeLabel loop = b.NewLabel();
            CodeLabel again = b.NewLabel();
            CodeLabel past = b.NewLabel();
            b.Asm.mov(edx, 20_000);
            b.Asm.mov(esi, Data);
            b.Asm.jmp(loop.Value);
            b.Mark(again);
            for (int i = 0; i < 70; i++)
            {
                b.Asm.add(eax, ecx);
            }

            b.Asm.mov(edx, 3);
            b.Mark(loop);
            for (int i = 0; i < 60; i++)
            {
                b.Asm.add(eax, __dword_ptr[esi]);
            }

            b.Asm.dec(edx);
            b.Asm.jnz(loop.Value);
            b.Asm.dec(ecx);
            b.Asm.jz(past.Value);
            b.Asm.jmp(again.Value);
            b.Mark(past);
            b.Asm.int3();
            (inner, outer) = (b.AddressOf(loop), b.AddressOf(again));
        });
        CompiledRegion[] regions = Regions(rig);
        Assert.Contains(regions, region => region.Loops && HasBlocks(region, inner));
        Assert.DoesNotContain(regions, region => HasBlocks(region, inner, outer));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_indirect_call_has_its_usual_target_in_its_own_region(bool likely)
    {
        using Rig rig = Run(5_000, Indirect, likely ? null : new Optimisations { LikelyTargets = false });
        Assert.Equal(likely, Regions(rig).Any(static region =>
            region.Plan.Blocks.Any(static block => block.Eip >> 12 == Rig.Code >> 12) && region.Plan.Blocks.Any(static block => block.Eip == Elsewhere)));
    }

    [Fact]
    public void A_likely_target_that_is_not_the_one_is_left_for_the_one()
    {
        // The second function takes over in the middle: Run compares with the interpreter.
        using Rig rig = Run(20_000, static b => Indirect(b, change: true));
        Assert.Equal(20_000u, rig.Cpu->Gpr[Reg.Ebx] + rig.Cpu->Gpr[Reg.Edx]);
        Assert.Equal(10_000u, rig.Cpu->Gpr[Reg.Edx]);
    }

    /// <summary>Where an indirect branch stays inside, whoever is reached may look at flags that were made before it.</summary>
    [Theory]
    [InlineData(0u)]
    [InlineData(50u)]
    public void Flags_outlive_an_indirect_call_to_its_usual_target(uint threshold)
    {
        // ADC EBX, 0; RET: counts the rounds in which ecx is below.
        using Rig rig = Run(20_000, static b => CallWithFlags(b, jump: false), threshold: threshold, function: [0x83, 0xD3, 0x00, 0xC3]);
        Assert.Equal(9_999u, rig.Cpu->Gpr[Reg.Ebx]);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(50u)]
    public void Flags_outlive_a_jump_through_a_table(uint threshold)
    {
        using Rig rig = Run(20_000, static b => CallWithFlags(b, jump: true), threshold: threshold);
        Assert.Equal((4_999u, 5_000u), (rig.Cpu->Gpr[Reg.Ebx], rig.Cpu->Gpr[Reg.Edx]));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void Regions_that_lead_to_each_other_for_ever_use_no_stack(bool chains, bool compares)
    {
        // Half a megabyte of stack would not hold a frame for each of a million regions.
        long retired = 0;
        var thread = new Thread(
            () =>
            {
                using var rig = new Rig(machine => new TieredEngine(machine, 0, optimisations: new Optimisations { RegionLimit = 1, Chains = chains }));
                rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, b =>
                {
                    CodeLabel there = b.NewLabel();
                    CodeLabel here = b.Here();
                    b.Asm.inc(edx);
                    if (compares)
                    {
                        // The next region keeps CF, and gets the flags in a form that it cannot take it from.
                        b.Asm.cmp(edx, ebx);
                    }

                    b.Asm.jmp(there.Value);
                    b.Mark(there);
                    b.Asm.inc(ebx);
                    b.Asm.jmp(here.Value);
                }));
                Assert.Equal(ExitReason.Budget, rig.Run(4_000_000));
                retired = rig.Machine.Retired;
            },
            maxStackSize: 512 << 10);
        thread.Start();
        thread.Join();
        Assert.Equal(4_000_000, retired);
    }

    private static void Loop(CodeBuilder b)
    {
        b.Asm.mov(esi, Data);
        CodeLabel top = b.Here();
        b.Asm.add(eax, __dword_ptr[esi]);
        b.Asm.mov(__dword_ptr[esi], ecx);
        b.Asm.dec(ecx);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
    }

    /// <summary>The second half becomes hot by itself (in too few rounds to be taken for a loop), and is too long to go into the region of the first, which becomes so later.</summary>
    private static (uint First, uint Second) Halves(CodeBuilder b)
    {
        CodeLabel first = b.NewLabel();
        CodeLabel second = b.NewLabel();
        CodeLabel end = b.NewLabel();
        b.Asm.jmp(second.Value);
        b.Mark(first);
        for (int i = 0; i < 100; i++)
        {
            b.Asm.add(eax, ecx);
        }

        b.Asm.jmp(second.Value);
        b.Mark(second);
        for (int i = 0; i < 60; i++)
        {
            b.Asm.rol(eax, 3);
        }

        b.Asm.dec(ecx);
        b.Asm.jz(end.Value);
        b.Asm.cmp(ecx, 79_900);
        b.Asm.ja(second.Value);
        b.Asm.jmp(first.Value);
        b.Mark(end);
        b.Asm.int3();
        return (b.AddressOf(first), b.AddressOf(second));
    }

    private static void Indirect(CodeBuilder b) => Indirect(b, change: false);

    private static void Indirect(CodeBuilder b, bool change)
    {
        CodeLabel end = b.NewLabel();
        CodeLabel stays = b.NewLabel();
        b.Asm.mov(__dword_ptr[Data], Elsewhere);
        CodeLabel top = b.Here();
        b.Asm.call(__dword_ptr[Data]);
        if (change)
        {
            b.Asm.cmp(ecx, 10_001);
            b.Asm.jne(stays.Value);
            b.Asm.mov(__dword_ptr[Data], Elsewhere + 2);
            b.Mark(stays);
        }

        b.Asm.dec(ecx);
        b.Asm.jnz(top.Value);
        b.Mark(end);
        b.Asm.int3();
    }

    private static void CallWithFlags(CodeBuilder b, bool jump)
    {
        CodeLabel even = b.NewLabel();
        CodeLabel odd = b.NewLabel();
        CodeLabel next = b.NewLabel();
        b.Asm.mov(__dword_ptr[Data], jump ? b.AddressOf(even) : Elsewhere);
        b.Asm.mov(__dword_ptr[Data + 4], b.AddressOf(odd));
        CodeLabel top = b.Here();
        b.Asm.mov(esi, ecx);
        b.Asm.and(esi, 1);
        b.Asm.cmp(ecx, 10_000);
        if (jump)
        {
            b.Asm.jmp(__dword_ptr[esi * 4 + Data]);
        }
        else
        {
            b.Asm.call(__dword_ptr[Data]);
        }

        b.Mark(next);
        b.Asm.dec(ecx);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
        b.Mark(even);
        b.Asm.adc(ebx, 0);
        b.Asm.jmp(next.Value);
        b.Mark(odd);
        b.Asm.adc(edx, 0);
        b.Asm.jmp(next.Value);
    }

    /// <summary>Does it have a block at each of these?</summary>
    private static bool HasBlocks(CompiledRegion region, params uint[] eips) => eips.All(eip => region.Plan.Blocks.Any(block => block.Eip == eip));

    private static CompiledRegion[] Regions(Rig rig) => [.. ((TieredEngine)rig.Engine).Regions.All];

    /// <summary>Runs the program with ecx = <paramref name="count"/> on the translator, and on the interpreter, and compares.</summary>
    private static Rig Run(uint count, Action<CodeBuilder> emit, Optimisations? optimisations = null, uint threshold = 50, byte[]? function = null)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, emit);

        // INC EBX; RET and INC EDX; RET, in another page.
        byte[] functions = function ?? [0x43, 0xC3, 0x42, 0xC3];
        using var interpreted = new Rig(static machine => new InterpreterEngine(machine));
        var rig = new Rig(machine => new TieredEngine(machine, threshold, optimisations: optimisations, waits: true));
        string[] ends = [.. new[] { interpreted, rig }.Select(r =>
        {
            r.Write(Rig.Code, code);
            r.Write(Elsewhere, functions);
            r.Cpu->Gpr[Reg.Ecx] = count;
            return r.State(r.Run()) + r.Memory(Data, 0x1000);
        })];
        Assert.Null(((TieredEngine)rig.Engine).Failure);
        Assert.Equal(ends[0], ends[1]);
        return rig;
    }
}
