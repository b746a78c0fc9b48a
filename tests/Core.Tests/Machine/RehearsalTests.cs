using Iced.Intel;
using Lguest.Jit.Core.Interpreter;

namespace Lguest.Jit.Core.Tests.Machine;

public sealed class RehearsalTests
{
    [Fact]
    public void EveryInstructionOfItIsExecutedToTheLast() => Assert.True(Rehearsal.Perform());

    [Fact]
    public void ItHasWhatKernelsConsistOf()
    {
        // Not all of it: what would be missed first.
        HashSet<Code> code = Codes();
        Code[] expected =
        [
            Code.Mov_r32_rm32, Code.Mov_rm32_r32, Code.Mov_rm32_imm32, Code.Mov_r8_rm8, Code.Movzx_r32_rm8, Code.Movzx_r32_rm16, Code.Lea_r32_m,
            Code.Add_rm32_r32, Code.Sub_rm32_imm8, Code.And_rm32_imm8, Code.Xor_rm32_r32, Code.Cmp_r32_rm32, Code.Cmp_rm32_imm8, Code.Test_rm32_r32, Code.Test_rm8_imm8,
            Code.Inc_r32, Code.Dec_r32, Code.Push_r32, Code.Pop_r32, Code.Push_rm32, Code.Call_rel32_32, Code.Call_rm32, Code.Jmp_rm32, Code.Retnd, Code.Leaved,
            Code.Je_rel8_32, Code.Jne_rel8_32, Code.Ja_rel8_32, Code.Jl_rel8_32, Code.Je_rel32_32, Code.Jne_rel32_32, Code.Jbe_rel32_32, Code.Jmp_rel32_32, Code.Jmp_rel8_32,
            Code.Shl_rm32_imm8, Code.Shr_rm32_imm8, Code.Sar_rm32_CL, Code.Shrd_rm32_r32_imm8, Code.Imul_r32_rm32, Code.Mul_rm32, Code.Div_rm32,
            Code.Sete_rm8, Code.Cmove_r32_rm32, Code.Bts_rm32_imm8, Code.Bsf_r32_rm32, Code.Cmpxchg_rm32_r32, Code.Xchg_rm32_r32,
            Code.Movsd_m32_m32, Code.Stosd_m32_EAX, Code.Pushfd, Code.Popfd, Code.Cpuid, Code.Rdtsc,
        ];
        Assert.Empty(expected.Except(code));
    }

    private static HashSet<Code> Codes()
    {
        byte[] bytes = RehearsalProgram.Create().Code.ToArray();
        var reader = new ByteArrayCodeReader(bytes);
        var decoder = Decoder.Create(32, reader);
        HashSet<Code> codes = [];
        while (reader.CanReadByte)
        {
            codes.Add(decoder.Decode().Code);
        }

        return codes;
    }
}
