using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// The ends of a loop's thunk: how the Guest's state gets into the Host's registers, and back into the CPU struct.
/// </summary>
/// <param name="c">Where it is written to.</param>
/// <param name="loop">Whose.</param>
internal sealed class X87LoopFrame(Assembler c, X87Loop loop)
{
    private const int RegisterMask = 0x70;
    private const int Flags = (int)FpuExceptions.Maskable;

    private static readonly bool s_windows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private static readonly AssemblerRegister64[] s_saved = s_windows ? [rbx, rbp, rsi, rdi, r12, r13, r14, r15] : [rbx, rbp, r12, r13, r14, r15];

    private Label _leave = c.CreateLabel();
    private Label _fail = c.CreateLabel();

    /// <summary>A way in: if the register stack is as the loop has it there, the Host takes the Guest's state, and off to the block.</summary>
    /// <param name="block">Its number.</param>
    /// <param name="body">Where it begins, behind its safepoint.</param>
    public void Enter(int block, Label body)
    {
        X87LoopState state = loop.Stack[block];
        int touched = loop.Stack.Touched;
        c.mov(r8, s_windows ? rcx : rdi);
        c.movzx(ecx, __word_ptr[r8 + X87Offsets.StatusWord]);
        c.shr(ecx, FpuStatus.TopShift);
        c.sub(ecx, state.Top);
        c.and(ecx, 7);
        c.movzx(eax, __byte_ptr[r8 + X87Offsets.Tags]);
        c.ror(al, cl);
        c.and(eax, touched);
        c.cmp(eax, state.Full & touched);
        c.jne(_fail);
        foreach (AssemblerRegister64 register in s_saved)
        {
            c.push(register);
        }

        c.shl(ecx, 4);
        c.mov(__dword_ptr[r8 + X87Offsets.LoopBase], ecx);
        c.mov(__dword_ptr[r8 + X87Offsets.LoopRan], 0);

        // Flags that the Host has from before and the Guest has not must go, or they would look like this loop's.
        Label clear = c.CreateLabel();
        c.movzx(edx, __byte_ptr[r8 + X87Offsets.StatusWord]);
        c.not(edx);
        c.test(__dword_ptr[r8 + X87Offsets.HostFlags], edx);
        c.je(clear);
        c.fnclex();
        c.Label(ref clear);

        // The deepest first. What is empty has contents nevertheless.
        bool begun = false;
        for (int i = 7; i >= 0; i--)
        {
            int cell = (state.Top + i) & 7;
            begun |= (touched & (1 << cell)) != 0;
            if (!begun)
            {
                continue;
            }

            if ((touched & (1 << cell)) == 0)
            {
                c.fdecstp();
                continue;
            }

            c.lea(r11d, __[rcx + (cell << 4)]);
            c.and(r11d, RegisterMask);
            c.fld(__tbyte_ptr[r8 + r11 + X87Offsets.Registers]);
            if ((state.Full & (1 << cell)) == 0)
            {
                c.ffree(st0);
            }
        }

        Label usual = c.CreateLabel();
        c.cmp(__word_ptr[r8 + X87Offsets.ControlWord], X87Host.ControlWord);
        c.je(usual);
        c.fldcw(__word_ptr[r8 + X87Offsets.ControlWord]);
        c.Label(ref usual);
        for (int r = 0; r < 8; r++)
        {
            if ((loop.Used & (1 << r)) != 0)
            {
                c.mov(X87LoopRegisters.General[r], __dword_ptr[r8 + r * 4]);
            }
        }

        c.mov(r14d, __dword_ptr[r8 + X87Offsets.LoopBudget]);
        c.jmp(body);
    }

    /// <summary>A way out, to behind the place where the thunk was called.</summary>
    /// <param name="exit">Which.</param>
    /// <param name="state">The register stack there.</param>
    public void Exit(X87LoopExit exit, X87LoopState state)
    {
        c.mov(r10d, loop.ExitNumber(exit) + 1);
        c.mov(r11d, state.Full & loop.Stack.Touched);
        c.mov(r12d, state.Top << 4);
        c.jmp(_leave);
    }

    /// <summary>What all ways out have in common, and the way back of those who should not have come in. Once, behind everything else.</summary>
    public void Finish()
    {
        Leave();
        c.Label(ref _fail);
        c.xor(eax, eax);
        c.ret();
        c.int3();
    }

    /// <summary>All ways out: r10 has the answer, r11 the cells in use, r12 16 × the cell that is the top.</summary>
    private void Leave()
    {
        c.Label(ref _leave);
        for (int r = 0; r < 8; r++)
        {
            if ((loop.Written & (1 << r)) != 0)
            {
                c.mov(__dword_ptr[r8 + r * 4], X87LoopRegisters.General[r]);
            }
        }

        c.mov(__dword_ptr[r8 + X87Offsets.LoopExit], r10d);
        c.mov(__dword_ptr[r8 + X87Offsets.LoopBudget], r14d);
        c.movzx(eax, __byte_ptr[r8 + X87Offsets.LoopFlags + 1]);
        c.mov(__dword_ptr[r8 + MethodNames.FlagsA], eax);
        c.shl(eax, 31);
        c.movzx(edx, __byte_ptr[r8 + X87Offsets.LoopFlags]);
        c.or(eax, edx);
        c.mov(__dword_ptr[r8 + MethodNames.FlagsB], eax);
        c.mov(__dword_ptr[r8 + MethodNames.FlagsKind], FlagKind.Image);
        Label unchanged = c.CreateLabel();
        c.cmp(__dword_ptr[r8 + X87Offsets.LoopRan], 0);
        c.je(unchanged);

        // The one instruction that shows what empty registers hold.
        c.mov(r13, rsp);
        c.sub(rsp, 512);
        c.and(rsp, -64);
        c.fxsave64(__[rsp]);
        c.mov(ecx, __dword_ptr[r8 + X87Offsets.LoopBase]);
        for (int cell = 0; cell < 8; cell++)
        {
            if ((loop.Stack.Changed & (1 << cell)) != 0)
            {
                c.lea(eax, __[rcx + (cell << 4)]);
                c.and(eax, RegisterMask);
                c.mov(edx, cell << 4);
                c.sub(edx, r12d);
                c.and(edx, RegisterMask);
                c.mov(rsi, __qword_ptr[rsp + rdx + 32]);
                c.mov(__qword_ptr[r8 + rax + X87Offsets.Registers], rsi);
                c.movzx(esi, __word_ptr[rsp + rdx + 40]);
                c.mov(__word_ptr[r8 + rax + X87Offsets.Registers + 8], si);
            }
        }

        c.movzx(eax, __word_ptr[rsp + 2]);
        c.mov(rsp, r13);
        c.mov(edx, eax);
        c.and(edx, Flags);
        c.mov(__dword_ptr[r8 + X87Offsets.HostFlags], edx);
        c.and(eax, Flags | FpuStatus.C1);
        c.movzx(edx, __word_ptr[r8 + X87Offsets.StatusWord]);
        c.and(edx, ~(FpuStatus.C1 | (7 << FpuStatus.TopShift)));
        c.or(edx, eax);
        c.lea(eax, __[rcx + r12]);
        c.and(eax, RegisterMask);
        c.shl(eax, FpuStatus.TopShift - 4);
        c.or(edx, eax);
        c.mov(__word_ptr[r8 + X87Offsets.StatusWord], dx);
        c.movzx(eax, __byte_ptr[r8 + X87Offsets.Tags]);
        c.shr(ecx, 4);
        c.ror(al, cl);
        c.and(eax, ~loop.Stack.Touched & 0xFF);
        c.or(eax, r11d);
        c.rol(al, cl);
        c.mov(__byte_ptr[r8 + X87Offsets.Tags], al);
        c.movzx(edx, __word_ptr[r8 + MethodNames.Selector(Register.CS)]);
        c.mov(__word_ptr[r8 + X87Offsets.InstructionSelector], dx);
        c.Label(ref unchanged);
        c.emms();
        Label usual = c.CreateLabel();
        c.cmp(__word_ptr[r8 + X87Offsets.ControlWord], X87Host.ControlWord);
        c.je(usual);
        c.push(X87Host.ControlWord);
        c.fldcw(__word_ptr[rsp]);
        c.pop(rax);
        c.Label(ref usual);
        c.mov(eax, __dword_ptr[r8 + X87Offsets.LoopExit]);
        foreach (AssemblerRegister64 register in s_saved.Reverse())
        {
            c.pop(register);
        }

        c.ret();
    }
}
