namespace Lguest.Jit.Switcher;

/// <summary>Where devices raise their interrupt lines. Callable from any thread.</summary>
internal interface IInterruptSink
{
    /// <summary>set_interrupt(irq), 0 ≤ irq &lt; 32: a second raise before delivery merges with the first.</summary>
    void SetInterrupt(int irq);
}
