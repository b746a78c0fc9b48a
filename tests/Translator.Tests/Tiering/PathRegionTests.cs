using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Tiering;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Tiering;

/// <summary>
/// Regions that follow the ways that the Guest has been seen to take. Each program has a function that was compiled first, with another caller, so that
/// its later caller goes from region to region all the time; and each ends as it does when interpreted.
/// </summary>
public sealed unsafe class PathRegionTests
{
    private const uint Data = 0x100000;
    private const uint FirstRounds = 300;
    private const uint Rounds = 60_000;

    [Fact]
    public void A_path_goes_into_a_function_and_back_and_nobody_comes_in_there()
    {
        Places places = default;
        using Rig rig = Run(b => places = Program(b));
        CompiledRegion[] paths = Paths(rig);
        CompiledRegion path = Assert.Single(paths, region => Has(region, places.Call, places.Function, places.Site));

        // But at its beginning, wherever in the circle that is.
        Assert.DoesNotContain(path.Entries.Skip(1), entry => path.Plan.Blocks[entry].Eip == places.Function);
        Assert.DoesNotContain(path.Entries.Skip(1), entry => path.Plan.Blocks[entry].Eip == places.Site);
    }

    [Fact]
    public void Without_inlined_calls_it_has_entries_there()
    {
        Places places = default;
        using Rig rig = Run(b => places = Program(b), new Optimisations { InlinedCalls = false });
        Assert.Contains(Paths(rig), region => Has(region, places.Call, places.Function, places.Site) && region.Entries.Any(entry => region.Plan.Blocks[entry].Eip == places.Function));
    }

    [Fact]
    public void Without_ripe_regions_there_are_no_paths()
    {
        using Rig rig = Run(static b => Program(b), new Optimisations { RipeRegions = false });
        Assert.Empty(Paths(rig));
    }

    [Fact]
    public void What_is_seldom_done_stays_outside()
    {
        // One round in 64 goes there: often enough to be translated, and to be in what is chosen by who has been run at all.
        Places places = default;
        using Rig rig = Run(b => places = Program(b, seldom: 63));
        CompiledRegion[] paths = Paths(rig);
        Assert.Contains(paths, region => Has(region, places.Call, places.Function));
        Assert.DoesNotContain(paths, region => Has(region, places.Call, places.Seldom));
        Assert.Contains(((TieredEngine)rig.Engine).Regions.All, region => Has(region, places.Seldom));
    }

    [Fact]
    public void What_is_done_every_other_time_is_inside()
    {
        Places places = default;
        using Rig rig = Run(b => places = Program(b, seldom: 1));
        Assert.Contains(Paths(rig), region => Has(region, places.Call, places.Seldom));
    }

    [Fact]
    public void A_function_that_returns_elsewhere_is_believed()
    {
        // In some rounds it comes back one byte behind the call, past an INC EBX: Run compares with the interpreter.
        Places places = default;
        using Rig rig = Run(b => places = Program(b, elsewhere: true));
        Assert.Contains(Paths(rig), region => Has(region, places.Function));
        Assert.InRange(rig.Cpu->Gpr[Reg.Ebx], Rounds * 9 / 10, Rounds - 1);
    }

    [Fact]
    public void Where_a_path_begins_in_a_function_it_goes_on_with_the_usual_caller()
    {
        // The function alone is a path too, as it is where the caller's region is left for: it is a dozen instructions less than what is worth one, without its caller.
        Places places = default;
        using Rig rig = Run(b => places = Program(b));
        Assert.Contains(Paths(rig), region => region.Plan.Blocks[0].Eip == places.Function && Has(region, places.Site));
    }

    [Fact]
    public void The_region_that_had_the_entries_stays_for_those_who_use_them()
    {
        Places places = default;
        using Rig rig = Run(b => places = Program(b));
        CompiledRegion path = Paths(rig)[0];
        Assert.Contains(((TieredEngine)rig.Engine).Regions.All, region => !region.Plan.FollowsPaths && region.Plan.Blocks[0].Eip == path.Plan.Blocks[0].Eip);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(5_000)]
    [InlineData(20_000)]
    [InlineData(1_000_000)]
    public void Watching_the_Guest_changes_nothing(long budget)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            Program(b, rounds: 1_500, seldom: 3);
        });
        using var plain = new Rig(static machine => new InterpreterEngine(machine));
        var seen = new List<uint>();
        InterpreterEngine? watched = null;
        using var rig = new Rig(machine => watched = new InterpreterEngine(machine)
        {
            SliceEnded = cpu =>
            {
                watched!.Steps = 64;
                seen.Add(0);
            },
            Visitor = block => seen.Add(block->Eip),
        });
        foreach (Rig each in new[] { plain, rig })
        {
            each.Write(Rig.Code, code);
        }

        ExitReason reason;
        do
        {
            reason = plain.Run(budget);
            Assert.Equal(plain.State(reason), rig.State(rig.Run(budget)));
        }
        while (reason == ExitReason.Budget);
        Assert.Equal(plain.Memory(Data, 0x1000), rig.Memory(Data, 0x1000));
        if (budget >= 20_000)
        {
            Assert.InRange(seen.Count(static eip => eip != 0), 64, int.MaxValue);
        }
    }

    [Fact]
    public void What_is_seen_is_every_block_in_the_order_in_which_it_runs()
    {
        var seen = new List<uint>();
        InterpreterEngine? watched = null;
        using var rig = new Rig(machine => watched = new InterpreterEngine(machine) { SliceEnded = _ => watched!.Steps = 64, Visitor = block => seen.Add(block->Eip) });
        uint even = 0;
        uint odd = 0;
        uint top = 0;
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, b =>
        {
            CodeLabel loop = b.Here();
            CodeLabel one = b.NewLabel();
            CodeLabel other = b.NewLabel();
            b.Asm.dec(ecx);
            b.Asm.test(ecx, 1);
            b.Asm.jnz(other.Value);
            b.Mark(one);
            b.Asm.inc(eax);
            b.Asm.jmp(loop.Value);
            b.Mark(other);
            b.Asm.inc(edx);
            b.Asm.jmp(loop.Value);
            (top, even, odd) = (b.AddressOf(loop), b.AddressOf(one), b.AddressOf(other));
        }));
        Assert.Equal(ExitReason.Budget, rig.Run(16384 + 3000));
        Assert.Equal(64, seen.Count);
        for (int i = 1; i + 2 < seen.Count; i++)
        {
            Assert.Contains(seen[i], new[] { top, even, odd });
            Assert.Equal(seen[i] != top, seen[i + 1] == top);
            Assert.True(seen[i] == top || seen[i] != seen[i + 2]);
        }
    }

    [Fact]
    public void Those_who_wait_for_ever_do_not_keep_others_waiting()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 50, waits: true));
        var places = new RipePlaces(new PathProfile(), ((TieredEngine)rig.Engine).Regions);
        GuestBlock* blocks = stackalloc GuestBlock[41];
        for (int i = 0; i <= 40; i++)
        {
            blocks[i].Valid = i % 2 == 0;
            places.Add(blocks + i);
        }

        // As of processes that are not running, or that have ended; the one that could be planned is the last.
        GuestBlock* taken = null;
        nint wanted = (nint)(blocks + 40);
        for (int i = 0; i < 4 && taken == null; i++)
        {
            taken = places.Take(block => block == wanted);
        }

        Assert.Equal(wanted, (nint)taken);
        Assert.True(places.IsWaiting);
        int left = 0;
        while (places.Take(static _ => true) != null)
        {
            left++;
        }

        Assert.Equal(20, left);
        Assert.False(places.IsWaiting);
    }

    [Theory]
    [InlineData(0, 12)]
    [InlineData(1, 24)]
    [InlineData(6, 768)]
    [InlineData(20, 12 << 20)]
    [InlineData(21, 12 << 20)]
    [InlineData(int.MaxValue, 12 << 20)]
    public void A_place_is_ripe_ever_more_seldom_and_there_is_an_end_to_that(int timesRipe, int crossings) =>
        Assert.Equal(crossings, RipePlaces.CrossingsUntilRipe(timesRipe));

    [Fact]
    public void A_path_is_planned_after_a_long_look_and_for_those_who_wait_in_vain_there_is_only_one()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 50, waits: true));
        var places = new RipePlaces(new PathProfile(), ((TieredEngine)rig.Engine).Regions);
        GuestBlock block = new() { Valid = true };
        Assert.Equal(64, Next());
        places.Add(&block);
        Assert.False(places.CanPlan);
        Assert.Equal(1024, Next());
        Assert.True(places.CanPlan);

        // It is another process's: no more of them, and nobody asks again before the Guest has been watched again.
        Assert.True(places.Take(static _ => false) == null);
        Assert.False(places.CanPlan);
        Assert.Equal(64, Next());
        Assert.True(places.CanPlan);
        Assert.True(places.Take(static _ => true) == &block);
        Assert.False(places.CanPlan);

        // Where a path ended comes first; what waited and is on the way that has just been planned need not wait any more.
        GuestBlock end = new() { Valid = true };
        places.Add(&block);
        places.AddEnd(&end);
        GuestBlock other = new() { Valid = true };
        places.Add(&other);
        places.Planned(new RegionPlan
        {
            Blocks = [new PlannedBlock((nint)(&block), 0, 0, [], 1)],
            Pages = [],
            Mode = CpuMode.None,
            CacheGeneration = 0,
        });
        Assert.Equal(1024, Next());
        Assert.True(places.Take(static _ => true) == &end);
        Assert.Equal(1024, Next());
        Assert.True(places.Take(static _ => true) == &other);
        Assert.False(places.IsWaiting);

        int Next()
        {
            for (int slice = 0; slice < 1000; slice++)
            {
                int blocks = places.Look();
                if (blocks != 0)
                {
                    return blocks;
                }
            }

            return 0;
        }
    }

    [Fact]
    public void Where_a_path_has_become_too_long_the_next_one_begins()
    {
        using Rig rig = Run(static b =>
        {
            // A circle of 1,000 instructions in blocks of 20, each of which has a way out that is never taken.
            CodeLabel away = b.NewLabel();
            b.Asm.mov(ecx, 20_000);
            CodeLabel top = b.Here();
            for (int i = 0; i < 50; i++)
            {
                for (int k = 0; k < 18; k++)
                {
                    b.Asm.add(eax, ecx);
                }

                b.Asm.test(ecx, ecx);
                b.Asm.jz(away.Value);
            }

            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Mark(away);
            b.Asm.int3();
        });
        CompiledRegion[] paths = Paths(rig);
        Assert.InRange(paths.Length, 2, 8);
        Assert.Contains(paths, one => paths.Any(other => other.Plan.Blocks[0].Eip == one.Plan.Blocks.Max(static block => block.Eip + (uint)block.Code.Length)));
    }

    [Fact]
    public void There_is_an_end_to_how_many_wait()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 50, waits: true));
        var places = new RipePlaces(new PathProfile(), ((TieredEngine)rig.Engine).Regions);
        GuestBlock* blocks = stackalloc GuestBlock[3_000];
        for (int i = 0; i < 3_000; i++)
        {
            blocks[i].Valid = true;
            places.Add(blocks + i);
            places.Add(blocks + i);
        }

        int waiting = 0;
        while (places.Take(static _ => true) != null)
        {
            waiting++;
        }

        Assert.InRange(waiting, 100, 2_000);
    }

    /// <summary>
    /// Phase one calls a function in a small loop. Phase two: a long loop that calls it, and sometimes does something else as well.
    /// </summary>
    private static Places Program(CodeBuilder b, uint rounds = Rounds, int seldom = 0, bool elsewhere = false)
    {
        CodeLabel function = b.NewLabel();
        CodeLabel main = b.NewLabel();
        CodeLabel site = b.NewLabel();
        CodeLabel skipped = b.NewLabel();
        CodeLabel rare = b.NewLabel();
        CodeLabel usual = b.NewLabel();
        b.Asm.mov(ecx, FirstRounds);
        CodeLabel first = b.Here();
        b.Asm.call(function.Value);
        b.Asm.nop();
        b.Asm.dec(ecx);
        b.Asm.jnz(first.Value);
        b.Asm.xor(ebx, ebx);
        b.Asm.mov(ecx, rounds);
        b.Mark(main);
        for (int i = 0; i < 60; i++)
        {
            b.Asm.add(eax, ecx);
        }

        b.Asm.call(function.Value);
        b.Mark(site);
        b.Asm.inc(ebx);
        if (seldom != 0)
        {
            b.Asm.test(ecx, seldom);
            b.Asm.jnz(usual.Value);
            b.Mark(rare);
            b.Asm.add(__dword_ptr[Data + 4], eax);
            b.Mark(usual);
        }

        // With something seldom inside it is all too much for one of the first regions, but not for a path.
        for (int i = 0; i < (seldom != 0 ? 90 : 40); i++)
        {
            b.Asm.rol(eax, 3);
        }

        b.Asm.dec(ecx);
        b.Asm.jnz(main.Value);
        b.Asm.int3();
        b.Mark(function);
        for (int i = 0; i < 25; i++)
        {
            b.Asm.add(eax, __dword_ptr[Data]);
            b.Asm.xor(edx, eax);
        }

        if (elsewhere)
        {
            b.Asm.test(ecx, 31);
            b.Asm.jnz(skipped.Value);
            b.Asm.inc(__dword_ptr[esp]);
            b.Mark(skipped);
        }

        b.Asm.mov(__dword_ptr[Data], edx);
        b.Asm.ret();
        return new Places(b.AddressOf(main), b.AddressOf(function), b.AddressOf(site), seldom != 0 ? b.AddressOf(rare) : 0);
    }

    private static bool Has(CompiledRegion region, params uint[] eips) => eips.All(eip => region.Plan.Blocks.Any(block => block.Eip == eip));

    private static CompiledRegion[] Paths(Rig rig) => [.. ((TieredEngine)rig.Engine).Regions.All.Where(static region => region.Plan.FollowsPaths)];

    /// <summary>Runs the program on the translator, and on the interpreter, and compares.</summary>
    private static Rig Run(Action<CodeBuilder> emit, Optimisations? optimisations = null)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, emit);
        using var interpreted = new Rig(static machine => new InterpreterEngine(machine));
        var rig = new Rig(machine => new TieredEngine(machine, 50, optimisations: optimisations, waits: true));
        string[] ends = [.. new[] { interpreted, rig }.Select(r =>
        {
            r.Write(Rig.Code, code);
            return r.State(r.Run()) + r.Memory(Data, 0x1000);
        })];
        Assert.Null(((TieredEngine)rig.Engine).Failure);
        Assert.Equal(ends[0], ends[1]);
        return rig;
    }

    private readonly record struct Places(uint Call, uint Function, uint Site, uint Seldom);
}
