using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Trace;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.SelfModifying;

/// <summary>
/// Code that is written to between the planning of a region and its installation. Its block has gone, and nobody will hear of the next write:
/// the region is too late, whatever the bytes say.
/// </summary>
public sealed unsafe class RewrittenWhileCompiledTests
{
    private const uint Rounds = 4000;

    [Theory]
    [InlineData(0x43)]
    [InlineData(0x42)]
    public void A_region_that_was_written_to_is_too_late_even_if_it_says_the_same_again(byte meanwhile)
    {
        uint patched = 0;
        byte[] code = CodeBuilder.Assemble(Rig.Code, b =>
        {
            CodeLabel inner = b.NewLabel();
            CodeLabel top = b.Here();
            b.Asm.test(ecx, ecx);
            b.Asm.jne(inner.Value);
            b.Asm.int3();
            for (int i = 0; i < 64; i++)
            {
                b.Asm.nop();
            }

            b.Mark(inner);
            b.Asm.inc(ebx);
            b.Asm.dec(ecx);
            b.Asm.jmp(top.Value);
            patched = b.AddressOf(inner);
        });
        var writer = new Writer();
        using var rig = new Rig(machine => new TieredEngine(machine, threshold: 50, probes: new EngineProbes { Compiler = writer }, waits: true));
        writer.Write = () =>
        {
            // INC EDX for a moment, or not even that.
            rig.Write(patched, [meanwhile]);
            rig.Write(patched, [0x43]);
        };
        rig.Write(Rig.Code, code);
        Assert.Equal((Rounds, 0u), Run(rig));
        RegionCache regions = ((TieredEngine)rig.Engine).Regions;
        Assert.Equal(1, regions.Outdated);
        Assert.NotEqual(0, regions.Installed);

        // And the next write counts.
        rig.Write(patched, [0x42]);
        Assert.Equal((0u, Rounds), Run(rig));
    }

    private static (uint Ebx, uint Edx) Run(Rig rig)
    {
        rig.Begin(Rig.Code);
        rig.Cpu->Gpr[Reg.Ecx] = Rounds;
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        return (rig.Cpu->Gpr[Reg.Ebx], rig.Cpu->Gpr[Reg.Edx]);
    }

    /// <summary>Does something when the first region has been compiled, and is not in use yet.</summary>
    private sealed class Writer : ICompileObserver
    {
        private bool _done;

        public Action Write { get; set; } = static () => { };

        public bool WantsIl(RegionPlan plan) => false;

        public void Compiled(CompiledRegion region, IlRecorder? il)
        {
            if (!_done)
            {
                _done = true;
                Write();
            }
        }
    }
}
