using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Tiering;
using Lguest.Jit.Translator.Trace;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Memory;

/// <summary>Accesses that are taken to be aligned, and are not, do what they would have done; and after a few it is known.</summary>
public sealed unsafe class AlignedAccessTests
{
    private const uint Data = 0x101000;
    private const int Rounds = 4000;

    private static readonly Optimisations s_expecting = new() { Windows = false, AlignsAllAccesses = true };

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(2, 0, true)]
    [InlineData(1, 0, true)]
    [InlineData(0, 1, true)]
    [InlineData(0, 2, false)]
    [InlineData(0xFFD, 0, true)]
    [InlineData(0, 0xFFF, true)]
    public void What_is_not_aligned_is_noted_and_the_region_translated_again(int fourBytesAt, int twoBytesAt, bool unaligned)
    {
        using var watch = new RegionWatch();
        using Rig rig = Play(b => Emit(b, fourBytesAt, twoBytesAt), s_expecting, watch);
        CompiledRegion region = Assert.Single(Regions(rig), static region => region.Plan.Blocks.Count == 1);
        Assert.Equal(unaligned, region.Plan.Blocks[0].IsUnaligned);
        if ((fourBytesAt | twoBytesAt) < 0xFF0)
        {
            Assert.InRange(watch.Counts[(int)LeaveReason.Miss], 0, 16);
        }
    }

    [Fact]
    public void Without_the_expectation_nothing_is_translated_again()
    {
        using Rig rig = Play(static b => Emit(b, 2, 1), new Optimisations { Windows = false, AlignsAllAccesses = true, AlignedAccesses = false });
        Assert.All(Regions(rig), static region => Assert.Equal((0, 0), (region.Plan.Realigned, region.AlignmentRecord)));
    }

    [Fact]
    public void Only_paths_expect_it()
    {
        using Rig rig = Play(static b => Emit(b, 2, 1), new Optimisations { Windows = false });
        Assert.All(Regions(rig), static region => Assert.Equal((0, 0), (region.Plan.Realigned, region.AlignmentRecord)));
    }

    [Fact]
    public void However_many_blocks_turn_out_to_be_unaligned_a_region_is_translated_a_few_times_only()
    {
        using Rig rig = Play(
            static b =>
            {
                // Each of twelve blocks begins to do so when the last one has been noted.
                b.Asm.mov(ecx, Rounds);
                CodeLabel top = b.Here();
                for (int i = 0; i < 12; i++)
                {
                    CodeLabel on = b.NewLabel();
                    b.Asm.mov(esi, (int)Data);
                    b.Asm.cmp(ecx, Rounds - 500 - (100 * i));
                    b.Asm.setb(dl);
                    b.Asm.movzx(edx, dl);
                    b.Asm.add(esi, edx);
                    b.Asm.add(eax, __dword_ptr[esi]);
                    b.Asm.test(ecx, ecx);
                    b.Asm.jnz(on.Value);
                    b.Asm.int3();
                    b.Mark(on);
                }

                b.Asm.dec(ecx);
                b.Asm.jnz(top.Value);
                b.Asm.int3();
            },
            s_expecting);
        CompiledRegion last = Assert.Single(Regions(rig), static region => region.Plan.Realigned == 3);
        Assert.All(last.Plan.Blocks, static block => Assert.True(block.IsUnaligned));
        Assert.Equal(0, last.AlignmentRecord);
    }

    [Fact]
    public void What_has_been_cut_off_is_told_nothing()
    {
        CompiledRegion? asked = null;
        var tuner = new AlignmentTuner(region => asked = region);
        using Rig rig = Play(static b => Emit(b, 0, 0), s_expecting);
        CompiledRegion region = Regions(rig).First(static region => region.AlignmentRecord != 0);
        tuner.Installed(region);
        for (int i = 0; i < 10; i++)
        {
            rig.Cpu->MissRecord = region.AlignmentRecord;
            rig.Cpu->Eip = region.Plan.Blocks[0].Eip + 1;
            Assert.True(tuner.TryMissed(rig.Cpu));
            Assert.Equal(0, rig.Cpu->MissRecord);
            Assert.Equal(i < 4 ? null : region, asked);
        }

        Assert.True(tuner.IsUnaligned(region.Plan.Blocks[0].Eip));
        tuner.Removed(region);
        rig.Cpu->MissRecord = region.AlignmentRecord;
        Assert.False(tuner.TryMissed(rig.Cpu));
        Assert.Equal(region.AlignmentRecord, rig.Cpu->MissRecord);
        rig.Cpu->MissRecord = 0;
    }

    /// <summary>A loop with a load and a store of four bytes and of two.</summary>
    private static void Emit(CodeBuilder b, int fourBytesAt, int twoBytesAt)
    {
        b.Asm.mov(ecx, Rounds);
        b.Asm.mov(esi, (int)Data + fourBytesAt);
        b.Asm.mov(edi, (int)Data + 0x2000 + twoBytesAt);
        CodeLabel top = b.Here();
        b.Asm.add(eax, __dword_ptr[esi]);
        b.Asm.mov(__dword_ptr[esi], ecx);
        b.Asm.movzx(edx, __word_ptr[edi]);
        b.Asm.add(ebx, edx);
        b.Asm.mov(__word_ptr[edi], ax);
        b.Asm.dec(ecx);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
    }

    private static CompiledRegion[] Regions(Rig rig) => [.. ((TieredEngine)rig.Engine).Regions.All];

    /// <summary>Runs a program on the translator, and on the interpreter, and compares.</summary>
    private static Rig Play(Action<CodeBuilder> emit, Optimisations optimisations, RegionWatch? watch = null)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, emit);
        using var interpreted = new Rig(static machine => new InterpreterEngine(machine));
        var rig = new Rig(machine => new TieredEngine(machine, 50, optimisations: optimisations, probes: new EngineProbes { Watch = watch }, waits: true));
        string[] ends = [.. new[] { interpreted, rig }.Select(r =>
        {
            r.Write(Rig.Code, code);
            return r.State(r.Run()) + r.Memory(Data, 0x4000);
        })];
        Assert.Null(((TieredEngine)rig.Engine).Failure);
        Assert.Equal(ends[0], ends[1]);
        return rig;
    }
}
