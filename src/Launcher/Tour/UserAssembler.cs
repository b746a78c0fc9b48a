using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>What the program of ring 3 is written with: system calls, and the phrases of <see cref="KernelAssembler"/> made of them.</summary>
internal sealed class UserAssembler(CodeBuilder builder)
{
    private readonly Dictionary<string, CodeLabel> _texts = [];

    public Assembler Asm => builder.Asm;

    public CodeBuilder Builder => builder;

    public CodeLabel NewLabel() => builder.NewLabel();

    public CodeLabel Here() => builder.Here();

    public void Mark(CodeLabel label) => builder.Mark(label);

    public uint AddressOf(CodeLabel label) => builder.AddressOf(label);

    public void Syscall(SyscallNumber number)
    {
        Asm.mov(eax, (int)number);
        Asm.@int(0x80);
    }

    public void Exit() => Syscall(SyscallNumber.Exit);

    public void Report(string title)
    {
        Asm.mov(ebx, Text(title));
        Syscall(SyscallNumber.Report);
    }

    /// <summary>eax = a variable of the kernel. Clobbers ebx.</summary>
    public void Peek(uint variable)
    {
        Asm.mov(ebx, variable);
        Syscall(SyscallNumber.Peek);
    }

    /// <summary>Fails unless the register is <paramref name="expected"/>. Keeps registers.</summary>
    public void Expect(string what, AssemblerRegister32 actual, uint expected)
    {
        CodeLabel right = NewLabel();
        Asm.cmp(actual, expected);
        Asm.je(right);
        Asm.push(actual);
        Asm.pop(ebx);
        Asm.mov(ecx, expected);
        Asm.mov(edx, Text(what));
        Syscall(SyscallNumber.Fail);
        Mark(right);
        Asm.nop();
    }

    /// <summary>Fails unless the kernel's variable is <paramref name="expected"/>. Clobbers eax and ebx.</summary>
    public void ExpectVariable(string what, uint variable, uint expected)
    {
        Peek(variable);
        Expect(what, eax, expected);
    }

    /// <summary>The instruction has to trap; parameters as for <see cref="KernelAssembler.Provoke"/>. Clobbers all registers.</summary>
    /// <param name="title">Of the step.</param>
    /// <param name="vector">0 to 31.</param>
    /// <param name="error">Error code; 0 for vectors without.</param>
    /// <param name="instruction">Emits the one instruction.</param>
    /// <param name="prepare">Emits what loads its registers; may change the flags, not the stack.</param>
    /// <param name="after">The saved eip is the next instruction's, not this one's.</param>
    /// <param name="eip">The saved eip, if neither.</param>
    /// <param name="address">Of a page fault: cr2.</param>
    /// <param name="flags">EFLAGS before the instruction, and in the frame, beside IF.</param>
    public void Provoke(
        string title,
        int vector,
        uint error,
        Action<Assembler> instruction,
        Action<Assembler>? prepare = null,
        bool after = false,
        uint? eip = null,
        uint address = 0,
        uint flags = KernelAssembler.AllFlags)
    {
        CodeLabel fault = NewLabel();
        CodeLabel next = NewLabel();
        Asm.push(address);
        Asm.mov(ebx, vector);
        Asm.mov(ecx, error);
        Asm.mov(edx, eip ?? AddressOf(after ? next : fault));
        Asm.mov(esi, AddressOf(next));
        Asm.mov(edi, Text($"{title}, ring 3"));
        Asm.mov(ebp, flags | 0x200);
        Syscall(SyscallNumber.Provoke);
        prepare?.Invoke(Asm);
        Asm.push(flags);
        Asm.popfd();
        Mark(fault);
        instruction(Asm);
        Mark(next);
        Asm.add(esp, 4);
    }

    public void EmitTexts()
    {
        foreach ((string text, CodeLabel label) in _texts)
        {
            Mark(label);
            builder.Text(text);
        }
    }

    private uint Text(string text)
    {
        if (!_texts.TryGetValue(text, out CodeLabel? label))
        {
            _texts[text] = label = NewLabel();
        }

        return AddressOf(label);
    }
}
