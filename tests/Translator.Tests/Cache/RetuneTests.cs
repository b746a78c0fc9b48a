using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Emit;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>A region whose page caches do not pay is translated anew: of the code that it is of.</summary>
public sealed unsafe class RetuneTests
{
    private const uint Mine = 0x30000;
    private const uint Theirs = 0x31000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_translated_anew_only_while_its_own_code_is_mapped(bool otherProcess)
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 20, waits: true));
        var engine = (TieredEngine)rig.Engine;
        PagedRig.TurnOn(rig);
        rig.Write(Mine, Loop(ecxStep: 1));
        rig.Write(Theirs, Loop(ecxStep: 2));
        PagedRig.Map(rig, PagedRig.Alias, Mine);
        PagedRig.Map(rig, PagedRig.Alias, Theirs, PagedRig.SecondDirectory);

        // The other process' code has been decoded, and is not hot.
        rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.SecondDirectory, trusted: true);
        rig.Begin(PagedRig.Alias);
        rig.Run(20);
        rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.Directory, trusted: true);
        rig.Begin(PagedRig.Alias);
        rig.Run(2000);
        CompiledRegion region = engine.Regions.All.Single(static r => r.CacheRecords.Count > 0);
        long installed = engine.Regions.Installed;
        foreach (CacheRecord record in region.CacheRecords)
        {
            // As if it had missed thousands of times by now.
            *(int*)record.Countdown = 0;
        }

        if (otherProcess)
        {
            rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.SecondDirectory, trusted: true);
            rig.Begin(PagedRig.Alias);
        }

        rig.Cpu->TierRequest = 1;
        rig.Run(5);
        Assert.Equal(installed + (otherProcess ? 0 : 1), engine.Regions.Installed);
        Assert.Equal(!otherProcess, region.IsBeingReplaced);
    }

    /// <summary>Walks over memory for ever.</summary>
    private static byte[] Loop(int ecxStep) => CodeBuilder.Assemble(PagedRig.Alias, b =>
    {
        b.Asm.mov(esi, 0x40000);
        CodeLabel top = b.Here();
        b.Asm.mov(eax, __dword_ptr[esi]);
        b.Asm.add(__dword_ptr[esi + 8], eax);
        b.Asm.add(ecx, ecxStep);
        b.Asm.jmp(top.Value);
    });
}
