using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// What the chapters of the tour are written with: Iced's assembler, the kernel's routines by name, and the few phrases
/// that a chapter consists of: call the Host, expect a value, expect a trap, report a step.
/// </summary>
internal sealed class KernelAssembler
{
    /// <summary>
    /// EFLAGS that a provoked trap has to preserve: every arithmetic flag and DF set, so that a flag lost on the way shows.
    /// </summary>
    public const uint AllFlags = 0xCD7;

    private readonly CodeBuilder _builder;
    private readonly Dictionary<string, CodeLabel> _texts = [];

    public KernelAssembler(CodeBuilder builder, UserProgram user)
    {
        _builder = builder;
        User = user;
        Puts = NewLabel();
        PutHex = NewLabel();
        PutDecimal = NewLabel();
        BeginStep = NewLabel();
        Flush = NewLabel();
        Fail = NewLabel();
        EmergencyFlush = NewLabel();
        QueueFlush = NewLabel();
        AsyncHypercall = NewLabel();
        ReadConfig = NewLabel();
        WriteConfig = NewLabel();
        VirtualIret = NewLabel();
        NoirqIret = NewLabel();
        TrapReturn = NewLabel();
        Gates = NewLabel();
        SyscallEntry = NewLabel();
        UserImage = NewLabel();
        WaitRefused = NewLabel();
        SystemCall = NewLabel();
        PageFault = NewLabel();
        Interrupt = NewLabel();
        ExpectedTrap = NewLabel();
    }

    public Assembler Asm => _builder.Asm;

    public CodeBuilder Builder => _builder;

    /// <summary>The program of ring 3.</summary>
    public UserProgram User { get; }

    /// <summary>Prints the text at esi. This and the next three keep all registers.</summary>
    public CodeLabel Puts { get; }

    /// <summary>Prints eax in hexadecimal.</summary>
    public CodeLabel PutHex { get; }

    /// <summary>Prints eax in decimal.</summary>
    public CodeLabel PutDecimal { get; }

    /// <summary>Counts a step and prints its number.</summary>
    public CodeLabel BeginStep { get; }

    /// <summary>Sends the line to the console.</summary>
    public CodeLabel Flush { get; }

    /// <summary>On the stack: what, actual, expected. Says so and shuts down.</summary>
    public CodeLabel Fail { get; }

    public CodeLabel EmergencyFlush { get; }

    public CodeLabel QueueFlush { get; }

    /// <summary>Queues the hypercall in eax, ebx, ecx, edx, or issues it if the ring is full. Keeps all registers.</summary>
    public CodeLabel AsyncHypercall { get; }

    /// <summary>eax = word at offset eax of the console's PCI configuration space. Clobbers edx.</summary>
    public CodeLabel ReadConfig { get; }

    /// <summary>Writes ecx to offset eax of it. Clobbers eax and edx.</summary>
    public CodeLabel WriteConfig { get; }

    /// <summary>The one way back from a trap: sets irq_enabled from the frame and returns through noirq_iret.</summary>
    public CodeLabel VirtualIret { get; }

    public CodeLabel NoirqIret { get; }

    /// <summary>The same, with the saved registers still on the stack.</summary>
    public CodeLabel TrapReturn { get; }

    /// <summary>Table of IDT entries: vector, low word, high word; ends with vector −1.</summary>
    public CodeLabel Gates { get; }

    /// <summary>Handler of the system call gate.</summary>
    public CodeLabel SyscallEntry { get; }

    /// <summary>The user program's bytes within the image.</summary>
    public CodeLabel UserImage { get; }

    /// <summary>With interrupts off: waits until an interrupt has been raised and refused.</summary>
    public CodeLabel WaitRefused { get; }

    // The four handlers behind the common trap entry; ebp: trap frame.
    public CodeLabel SystemCall { get; }

    public CodeLabel PageFault { get; }

    public CodeLabel Interrupt { get; }

    public CodeLabel ExpectedTrap { get; }

    public CodeLabel NewLabel() => _builder.NewLabel();

    public CodeLabel Here() => _builder.Here();

    public void Mark(CodeLabel label) => _builder.Mark(label);

    public uint AddressOf(CodeLabel label) => _builder.AddressOf(label);

    /// <summary>The physical address of a label.</summary>
    public uint PhysicalOf(CodeLabel label) => AddressOf(label) - TourLayout.KernelOffset;

    /// <summary>The address of a zero-terminated text, which <see cref="EmitTexts"/> puts into the image.</summary>
    public uint Text(string text)
    {
        if (!_texts.TryGetValue(text, out CodeLabel? label))
        {
            _texts[text] = label = NewLabel();
        }

        return AddressOf(label);
    }

    public void EmitTexts()
    {
        foreach ((string text, CodeLabel label) in _texts)
        {
            Mark(label);
            _builder.Text(text);
        }
    }

    /// <summary>A word in memory by its virtual address.</summary>
    public static AssemblerMemoryOperand Word(uint address) => __dword_ptr[address];

    /// <summary>int $0x1F with constant arguments; those left out stay as they are. Eax and the others named change.</summary>
    public void Hypercall(HypercallNumber number, uint? first = null, uint? second = null, uint? third = null)
    {
        Asm.mov(eax, (int)number);
        LoadArguments(first, second, third);
        Asm.@int(0x1F);
    }

    /// <summary>The same by way of the ring.</summary>
    public void QueueHypercall(HypercallNumber number, uint? first = null, uint? second = null, uint? third = null)
    {
        Asm.mov(eax, (int)number);
        LoadArguments(first, second, third);
        Asm.call(AsyncHypercall);
    }

    public void Print(string text)
    {
        Asm.push(esi);
        Asm.mov(esi, Text(text));
        Asm.call(Puts);
        Asm.pop(esi);
    }

    /// <summary>A line of the tour: one more step was right.</summary>
    public void Report(params ReadOnlySpan<LinePart> parts)
    {
        Asm.call(BeginStep);
        foreach (LinePart part in parts)
        {
            part.Emit(this);
        }

        Asm.call(Flush);
    }

    /// <summary>Fails unless the word is <paramref name="expected"/>. Keeps the registers, changes flags, as the next three do.</summary>
    public void Expect(string what, AssemblerMemoryOperand actual, uint expected) => Expect(
        what,
        c => c.cmp(actual, expected),
        c =>
        {
            c.push(expected);
            c.push(actual);
        });

    /// <summary>Fails unless the register is <paramref name="expected"/>.</summary>
    public void Expect(string what, AssemblerRegister32 actual, uint expected) => Expect(
        what,
        c => c.cmp(actual, expected),
        c =>
        {
            c.push(expected);
            c.push(actual);
        });

    /// <summary>Fails unless two registers are equal.</summary>
    public void Expect(string what, AssemblerRegister32 actual, AssemblerRegister32 expected) => Expect(
        what,
        c => c.cmp(actual, expected),
        c =>
        {
            c.push(expected);
            c.push(actual);
        });

    /// <summary>Fails if eax is 0, for example when a wait has come to its end.</summary>
    public void ExpectNotZero(string what)
    {
        CodeLabel right = NewLabel();
        Asm.test(eax, eax);
        Asm.jne(right);
        Asm.push(1);
        Asm.push(eax);
        Failure(what);
        Mark(right);
        Asm.nop();
    }

    /// <summary>
    /// The next instruction has to trap, in ring 1, with exactly this frame: the handler compares, reports the step and lets
    /// the kernel go on behind the instruction.
    /// </summary>
    /// <param name="title">Of the step.</param>
    /// <param name="vector">0 to 31.</param>
    /// <param name="error">Error code; 0 for vectors without.</param>
    /// <param name="instruction">Emits the one instruction. It must not need the flags, which are <paramref name="flags"/>.</param>
    /// <param name="after">The saved eip is the next instruction's (a trap), not this one's (a fault).</param>
    /// <param name="eip">The saved eip, if neither.</param>
    /// <param name="address">Of a page fault: cr2.</param>
    /// <param name="flags">EFLAGS before the instruction, and in the frame, beside IF.</param>
    /// <param name="interruptFlag">IF in the frame: 0x200 if irq_enabled says so now, 0 if not.</param>
    public void Provoke(
        string title,
        int vector,
        uint error,
        Action<Assembler> instruction,
        bool after = false,
        uint? eip = null,
        uint address = 0,
        uint flags = AllFlags,
        uint interruptFlag = 0x200)
    {
        CodeLabel fault = NewLabel();
        CodeLabel next = NewLabel();
        Asm.mov(Word(TourVariable.Title), Text(title));
        Asm.mov(Word(TourVariable.Vector), vector);
        Asm.mov(Word(TourVariable.Error), error);
        Asm.mov(Word(TourVariable.Eip), eip ?? AddressOf(after ? next : fault));
        Asm.mov(Word(TourVariable.Cs), TourLayout.KernelCode);
        Asm.mov(Word(TourVariable.Flags), flags | interruptFlag);
        Asm.mov(Word(TourVariable.Esp), esp);
        Asm.mov(Word(TourVariable.Address), address);
        Asm.mov(Word(TourVariable.Resume), AddressOf(next));
        Asm.mov(Word(TourVariable.Active), 1);
        Asm.push(flags);
        Asm.popfd();
        Mark(fault);
        instruction(Asm);
        Mark(next);
        Asm.cld();
        Expect("no trap came", Word(TourVariable.Active), 0);
    }

    /// <summary>Runs the user program from <paramref name="entry"/> until it exits; then irq_enabled is 0x200. Clobbers all registers.</summary>
    public void RunUser(uint entry, int dataSegment = TourLayout.UserDataSegment)
    {
        CodeLabel back = NewLabel();
        Asm.mov(Word(TourVariable.KernelEsp), esp);
        Asm.mov(Word(TourVariable.KernelResume), AddressOf(back));
        Asm.push(TourLayout.UserDataSegment);
        Asm.push(TourLayout.UserStackTop);
        Asm.push(0x202);
        Asm.push(TourLayout.UserCode);
        Asm.push(entry);
        Asm.mov(eax, dataSegment);
        Asm.mov(ds, eax);
        Asm.mov(es, eax);
        foreach (AssemblerRegister32 register in new[] { eax, ecx, edx, ebx, ebp, esi, edi })
        {
            Asm.xor(register, register);
        }

        Asm.jmp(VirtualIret);
        Mark(back);
        Asm.mov(Word(GuestLguestData.IrqEnabled), 0x200);
    }

    private void Expect(string what, Action<Assembler> compare, Action<Assembler> pushForFailure)
    {
        CodeLabel right = NewLabel();
        compare(Asm);
        Asm.je(right);
        pushForFailure(Asm);
        Failure(what);
        Mark(right);

        // Two labels cannot stand at one instruction; the next one's may come at once.
        Asm.nop();
    }

    private void LoadArguments(uint? first, uint? second, uint? third)
    {
        Load(ebx, first);
        Load(ecx, second);
        Load(edx, third);

        void Load(AssemblerRegister32 register, uint? value)
        {
            if (value is { } constant)
            {
                Asm.mov(register, constant);
            }
        }
    }

    private void Failure(string what)
    {
        Asm.push(Text(what));
        Asm.call(Fail);
    }
}
