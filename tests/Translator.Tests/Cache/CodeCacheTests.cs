using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Generating;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>Translated code takes no more room than it may, goes when its Guest code goes, and never keeps the Guest waiting.</summary>
public sealed unsafe class CodeCacheTests
{
    private const int Blocks = 1000;

    [Fact]
    public void Regions_are_evicted_when_the_cache_is_full_and_come_back()
    {
        const long Capacity = 100_000;
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0, codeCache: Capacity, optimisations: Alone()));
        RegionCacheView view = View(rig);
        rig.Write(Rig.Code, Chain(Blocks, 7));
        for (int round = 0; round < 2; round++)
        {
            RunChain(rig, Blocks, 7);

            // Every region is taken for 4 KiB at least, see RegionCache.
            Assert.InRange(view.Count, 1, Capacity / 4096);
        }

        Assert.True(view.Installed >= 2 * Blocks * 9 / 10, $"{view.Installed} installed");
        Assert.True(view.Evicted >= view.Installed - (Capacity / 4096), $"{view.Evicted} evicted");
    }

    [Fact]
    public void A_rewrite_cuts_the_regions_of_its_code_off_and_no_others()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0, optimisations: Alone()));
        byte[] code = Chain(10, 7);
        rig.Write(Rig.Code, code);
        RunChain(rig, 10, 7);
        RegionCacheView view = View(rig);
        long before = view.Count;
        rig.Write(Rig.Code + 1, [8]);
        Assert.Equal(before - 1, view.Count);
        RunChain(rig, 10, 7, first: 8);
        Assert.Equal(before, view.Count);

        // Freed as soon as nothing can be running.
        rig.Begin(Rig.Code);
        rig.Run();
        Assert.False(((TieredEngine)rig.Engine).Regions.HasDead);
    }

    [Fact]
    public void A_hundred_thousand_different_blocks_take_no_more_memory_than_ten_thousand()
    {
        // What is alive is the block arena (bounded, outside of the collected heap) and at most a cache of regions. And whatever the tests
        // beside this one keep at the moment: not each time so much more than before.
        (long few, long many) = (0, 0);
        bool bounded = Patience.OneOf(5, () =>
        {
            (few, many) = (After(10_000), After(100_000));
            return many < few + (16 << 20);
        });
        Assert.True(bounded, $"{few >> 10} KiB after ten thousand blocks, {many >> 10} KiB after a hundred thousand");

        static long After(int blocks)
        {
            using var guest = new GeneratingGuest(blocks, 300, 4 << 20, static machine => new TieredEngine(machine, threshold: 3, codeCache: 1 << 20));
            Assert.Equal(guest.Expected, guest.Run());
            RegionCache regions = ((TieredEngine)guest.Engine).Regions;
            Assert.True(regions.Installed > 0);
            Assert.InRange(regions.Bytes, 0, 1 << 20);
            return Live();
        }
    }

    [Fact]
    public void A_full_compile_queue_does_not_keep_the_guest_waiting()
    {
        const int Many = 6000;
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 1));
        rig.Write(Rig.Code, Chain(Many, 5));
        RunChain(rig, Many, 5);
        RegionCacheView view = View(rig);
        Assert.True(view.Installed < Many / 2, $"{view.Installed} of {Many} blocks were compiled before the Guest was done with them");
    }

    [Fact]
    public void Collections_while_the_compiler_thread_works_harm_nothing()
    {
        // Two minutes of the same are a check of its own, before a change lands: "perf stress".
        var stress = new CompileStress();
        stress.Run(TimeSpan.FromSeconds(5));
        Assert.Empty(stress.Differences);
        Assert.True(stress.Regions > 0 && stress.Collections > 0, $"{stress.Regions} regions, {stress.Collections} collections");
    }

    /// <summary>Bytes of one block of a chain: ADD EAX, imm32 and JMP rel32.</summary>
    private const int BlockLength = 10;

    /// <summary>Blocks that each add something to eax and jump to the next; INT3 behind the last.</summary>
    private static byte[] Chain(int blocks, int value) => CodeBuilder.Assemble(Rig.Code, b =>
    {
        for (int i = 0; i < blocks; i++)
        {
            b.Asm.db(0x05);
            b.Asm.dd(value + i);
            b.Asm.db(0xE9);
            b.Asm.dd(0);
        }

        b.Asm.int3();
    });

    private static void RunChain(Rig rig, int blocks, int value, int? first = null)
    {
        rig.Begin(Rig.Code);
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        long sum = Enumerable.Range(0, blocks).Sum(i => (long)value + i) - value + (first ?? value);
        Assert.Equal((uint)sum, rig.Cpu->Gpr[Reg.Eax]);
    }

    private static Optimisations Alone() => new() { Regions = false };

    private static long Live()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static RegionCacheView View(Rig rig) => new((TieredEngine)rig.Engine);

    private readonly struct RegionCacheView(TieredEngine engine)
    {
        public long Count => engine.Regions.Count;

        public long Installed => engine.Regions.Installed;

        public long Evicted => engine.Regions.Evicted;
    }
}
