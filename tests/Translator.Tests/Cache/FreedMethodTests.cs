using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Generating;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>Translated code that has been dropped is gone from the process, and what is kept is bounded.</summary>
public sealed unsafe class FreedMethodTests
{
    [Fact]
    public void A_method_that_was_cut_off_is_collected()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        rig.Write(Rig.Code, Loop());
        WeakReference[] methods = Translate(rig);
        Assert.NotEmpty(methods);
        Collect();
        Assert.All(methods, static method => Assert.True(method.IsAlive));
        rig.Write(Rig.Code, Loop());
        AssertCollected(rig, methods);
    }

    [Fact]
    public void Methods_that_were_evicted_are_collected()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0, codeCache: 20_000));
        rig.Write(Rig.Code, Loop());
        WeakReference[] methods = Translate(rig);
        for (uint i = 1; i < 10; i++)
        {
            rig.Write(Rig.Code + i * 0x1000, Loop());
            Run(rig, Rig.Code + i * 0x1000);
        }

        Assert.True(((TieredEngine)rig.Engine).Regions.Evicted > 0);
        AssertCollected(rig, methods);
    }

    [Fact]
    public void Methods_go_with_the_block_arena()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        rig.Write(Rig.Code, Loop());
        WeakReference[] methods = Translate(rig);
        ((TieredEngine)rig.Engine).Blocks.Reset();
        AssertCollected(rig, methods);
    }

    [Fact]
    public void A_region_larger_than_the_whole_cache_stays_interpreted_and_evicts_nobody()
    {
        const long Small = 30_000;
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 0, codeCache: Small));
        rig.Write(Rig.Code, Loop());
        Run(rig, Rig.Code);
        RegionCache regions = ((TieredEngine)rig.Engine).Regions;
        int before = regions.Count;
        Assert.True(before > 0);

        // One block of many additions to memory, too far apart to be checked together.
        rig.Write(Rig.Code + 0x1000, CodeBuilder.Assemble(Rig.Code + 0x1000, static b =>
        {
            for (int i = 0; i < 120; i++)
            {
                b.Asm.add(__dword_ptr[0x7000 + 64 * i], edx);
            }

            b.Asm.mov(eax, 1234);
            b.Asm.int3();
        }));
        Assert.Equal(1234u, Run(rig, Rig.Code + 0x1000));
        Assert.Equal(1, regions.Refused);
        Assert.Equal(0, regions.Evicted);
        Assert.Equal(before, regions.Count);
        Assert.InRange(regions.Bytes, 1, Small);

        // And it does not ask again.
        Assert.Equal(1234u, Run(rig, Rig.Code + 0x1000));
        Assert.Equal(1, regions.Refused);
    }

    [Fact]
    public void A_guest_that_generates_code_for_ever_is_kept_within_the_cache()
    {
        const long Capacity = 1 << 20;
        using var guest = new GeneratingGuest(2000, 3, 4 << 20, static machine => new TieredEngine(machine, threshold: 0, codeCache: Capacity));
        Assert.Equal(guest.Expected, guest.Run());
        RegionCache regions = ((TieredEngine)guest.Engine).Regions;
        Assert.InRange(regions.Bytes, 1, Capacity);
        Assert.True(regions.Evicted > 0);
        Assert.True(regions.Collections > 0);
    }

    [Fact]
    public void A_finished_region_reaches_a_guest_that_never_leaves_its_loop()
    {
        // No interrupt, no second hot block: nothing but the compiler thread itself can make the engine look.
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 10));
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, static b =>
        {
            CodeLabel top = b.Here();
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Asm.int3();
        }));
        Assert.Equal(0u, Run(rig, Rig.Code, 400_000_000));
        Assert.True(((TieredEngine)rig.Engine).Regions.Installed >= 1);
    }

    [Fact]
    public void An_exception_in_the_compiler_leaves_the_code_interpreted_and_is_kept_for_us_to_see()
    {
        foreach (uint threshold in new uint[] { 0, 1 })
        {
            using var rig = new Rig(machine => new TieredEngine(machine, threshold) { Compiler = static (_, _, _) => throw new InvalidOperationException("a bug of ours") });
            rig.Write(Rig.Code, Loop());
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal(55u, Run(rig, Rig.Code));
            }

            var engine = (TieredEngine)rig.Engine;
            Assert.True(Patience.Until(() => engine.Failure != null));
            Assert.Equal("a bug of ours", engine.Failure!.Message);
            Assert.Equal(0, engine.Regions.Installed);
            Assert.Equal(55u, Run(rig, Rig.Code));
        }
    }

    /// <summary>Adds up ten, nine, …, one.</summary>
    private static byte[] Loop() => CodeBuilder.Assemble(Rig.Code, static b =>
    {
        b.Asm.mov(ecx, 10);
        b.Asm.xor(eax, eax);
        CodeLabel top = b.Here();
        b.Asm.add(eax, ecx);
        b.Asm.dec(ecx);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
    });

    private static uint Run(Rig rig, uint eip, uint ecx = 0)
    {
        rig.Begin(eip);
        rig.Cpu->Gpr[Reg.Ecx] = ecx;
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        return rig.Cpu->Gpr[Reg.Eax];
    }

    /// <summary>Runs the loop and returns long weak references: they are dead when not even a finalizer can see the method any more.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference[] Translate(Rig rig)
    {
        Assert.Equal(55u, Run(rig, Rig.Code));
        return [.. ((TieredEngine)rig.Engine).Regions.All.Select(static region => new WeakReference(region.Method, trackResurrection: true))];
    }

    private static void AssertCollected(Rig rig, WeakReference[] methods)
    {
        // The next run is the point where nothing translated can be running.
        rig.Write(0x7F00, [0xCC]);
        Run(rig, 0x7F00);

        // Tests beside this one collect as well, and where two of them meet one may have to come again.
        Assert.True(Patience.OneOf(20, () =>
        {
            Collect();
            return methods.All(static method => !method.IsAlive);
        }));
    }

    private static void Collect()
    {
        for (int i = 0; i < 5; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
